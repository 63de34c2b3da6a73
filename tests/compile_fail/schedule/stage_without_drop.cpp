// expect: raptr: after its share a stage lists drops
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using what = full_network;
#else
using what = keep<6>;
#endif
schedule<stage<share<1, 1>, what>> whole;
