// expect: raptr: a stage has one drop per axis
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using both = stage<share<1, 1>, layer_drop<keep<6>>>;
#else
using both = stage<share<1, 1>, layer_drop<keep<6>>, layer_drop<keep<8>>>;
#endif
schedule<both> whole;
