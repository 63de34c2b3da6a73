// expect: raptr: steps<N> lasts at least one step
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using length = steps<1>;
#else
using length = steps<0>;
#endif
then<lasting<length, full_network>, constant<layer_drop<keep<6>>>> whole;
