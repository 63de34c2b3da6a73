// expect: raptr: power_stages has an exponent from 0 (equal stages) to 8
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/recipes/power_stages.hpp>

using namespace raptr;

#ifdef RIGHT
power_stages<layer_drop, 8, 6, 12> whole;
#else
power_stages<layer_drop, 9, 6, 12> whole;
#endif
