// expect: raptr: this scale divides by the keep probability, which the selector does not provide
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

struct every_other {
  raptr::unit_set operator()(int, int, raptr::draw_key) const { return {0, 2, 4}; }
};

using namespace raptr;

#ifdef RIGHT
using scale = sqrt_gap;
#else
using scale = inverse;
#endif
constant<layer_drop<keep<6>, every_other, scale>> whole;
