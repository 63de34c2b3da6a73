// expect: raptr: this scale divides by one keep probability for all units, but some are always kept
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using drops = head_drop<keep<9>, exactly<fixed{.first = 1}>>;
#else
using drops = head_drop<keep<9>, exactly<fixed{.first = 1}>, inverse>;
#endif
constant<drops> whole;
