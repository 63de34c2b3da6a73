// expect: raptr: this scale divides by the keep probability, which the selector does not provide
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using drops = neuron_drop<keep<9>, inverse>;
#else
using drops = width_slice<keep<9>, inverse>;
#endif
constant<drops> whole;
