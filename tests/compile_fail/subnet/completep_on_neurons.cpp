// expect: raptr: this scale is for the branches of a block
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using drops = sequence_drop<keep<9>, completep<>>;
#else
using drops = neuron_drop<keep<9>, completep<>>;
#endif
constant<drops> whole;
