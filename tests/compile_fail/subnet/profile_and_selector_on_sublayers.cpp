// expect: raptr: on layers and sublayers a profile draws each unit independently: leave the selector out
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using drops = sublayer_drop<keep<9>, linear_in_depth>;
#else
using drops = sublayer_drop<keep<9>, exactly<>, linear_in_depth>;
#endif
constant<drops> whole;
