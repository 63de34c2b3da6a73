// expect: raptr: this drop has two profiles: name one
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using drops = head_drop<keep<9>, linear_in_depth>;
#else
using drops = head_drop<keep<9>, linear_in_depth, linear_from_first>;
#endif
constant<drops> whole;
