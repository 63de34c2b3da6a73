// expect: raptr: layers and sublayers are always drawn once: leave raptr::once out
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using drops = head_drop<keep<9>, once>;
#else
using drops = layer_drop<keep<9>, once>;
#endif
constant<drops> whole;
