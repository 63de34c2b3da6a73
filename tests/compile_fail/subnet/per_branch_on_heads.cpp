// expect: raptr: this scale is for the branches of a block
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using drops = head_drop<keep<9>, inverse>;
#else
using drops = head_drop<keep<9>, inverse_per_branch>;
#endif
constant<drops> whole;
