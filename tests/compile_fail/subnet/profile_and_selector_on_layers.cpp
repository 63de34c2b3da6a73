// expect: raptr: on layers and sublayers a profile draws each unit independently: leave the selector out
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using drops = head_drop<keep<9>, linear_in_depth, bernoulli<>>;
#else
using drops = layer_drop<keep<9>, linear_in_depth, bernoulli<>>;
#endif
constant<drops> whole;
