// expect: raptr: a drop starts with the amount that it keeps
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using some = keep<1, 2>;
#else
using some = share<1, 2>;
#endif
constant<layer_drop<some>> whole;
