// expect: raptr: this drop has two scales: name one
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using drops = layer_drop<keep<6>, sqrt_gap>;
#else
using drops = layer_drop<keep<6>, sqrt_gap, inverse>;
#endif
constant<drops> whole;
