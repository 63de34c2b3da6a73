// expect: raptr: this scale measures the distance between kept blocks: use it on layers or sublayers
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using drops = sublayer_drop<keep<9>, sqrt_gap>;
#else
using drops = head_drop<keep<9>, sqrt_gap>;
#endif
constant<drops> whole;
