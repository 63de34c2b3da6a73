// expect: raptr: keep<Num, Den> is a fraction above 0 and not above 1
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using some = keep<4, 5>;
#else
using some = keep<5, 4>;
#endif
constant<layer_drop<some>> whole;
