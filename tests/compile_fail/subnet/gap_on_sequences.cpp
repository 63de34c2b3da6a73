// expect: raptr: this scale measures the distance between kept blocks: use it on layers or sublayers
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using drops = sequence_drop<keep<9>, inverse>;
#else
using drops = sequence_drop<keep<9>, sqrt_gap>;
#endif
constant<drops> whole;
