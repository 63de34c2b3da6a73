// expect: raptr: a drop keeps at least one unit
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using some = keep<2>;
#else
using some = keep<0>;
#endif
constant<layer_drop<some>> whole;
