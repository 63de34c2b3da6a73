// expect: raptr: keep<6> keeps 6 units, keep<1, 2> keeps half of them
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using some = keep<1, 2>;
#else
using some = keep<1, 2, 3>;
#endif
some amount_of_units;
