// expect: raptr: this drop has two selectors: name one
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using drops = layer_drop<keep<6>, bernoulli<>>;
#else
using drops = layer_drop<keep<6>, exactly<>, bernoulli<>>;
#endif
constant<drops> whole;
