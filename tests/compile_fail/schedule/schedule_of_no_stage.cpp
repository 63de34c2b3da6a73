// expect: raptr: a schedule lists stages
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using only = stage<share<1, 1>, full_network>;
#else
using only = layer_drop<keep<6>>;
#endif
schedule<only> whole;
