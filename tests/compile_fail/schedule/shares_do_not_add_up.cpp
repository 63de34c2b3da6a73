// expect: raptr: the shares of a schedule's stages must add up to 1
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using rest = share<3, 4>;
#else
using rest = share<1, 2>;
#endif
schedule<stage<share<1, 4>, layer_drop<keep<6>>>, stage<rest, full_network>> whole;
