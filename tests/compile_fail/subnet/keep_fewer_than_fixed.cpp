// expect: raptr: this drop keeps fewer units than its selector always keeps
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using some = keep<2>;
#else
using some = keep<1>;
#endif
constant<layer_drop<some>> whole;
