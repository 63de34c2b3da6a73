// expect: raptr: a policy of a drop is a selector
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

struct returns_int {
  int operator()(int, int, raptr::draw_key) const { return 3; }
};

using namespace raptr;

#ifdef RIGHT
using policy = bernoulli<both_ends>;
#else
using policy = returns_int;
#endif
constant<layer_drop<keep<6>, policy>> whole;
