// expect: raptr: share<Num, Den> is a fraction above 0 and not above 1
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using half = share<1, 2>;
#else
using half = share<2, 1>;
#endif
half part_of_the_run;
