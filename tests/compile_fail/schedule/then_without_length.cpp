// expect: raptr: raptr::then takes two schedules, the first with its length
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using first = lasting<share<1, 10>, full_network>;
#else
using first = full_network;
#endif
then<first, equal_stages<layer_drop, 6, 12>> whole;
