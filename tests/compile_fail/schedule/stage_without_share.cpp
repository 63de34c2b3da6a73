// expect: raptr: a stage starts with its share of the steps
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using only = stage<share<1, 1>, layer_drop<keep<6>>>;
#else
using only = stage<layer_drop<keep<6>>>;
#endif
schedule<only> whole;
