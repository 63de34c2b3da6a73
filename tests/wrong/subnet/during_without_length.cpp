// expect: raptr: during says first how long
// SPDX-License-Identifier: Apache-2.0
#include <raptr/subnet/schedule/in_turn.hpp>

using namespace raptr;

#ifdef RIGHT
using length = share<1, 10>;
#else
using length = keep<10>;
#endif
during<length, full_network> turn;
