// expect: raptr: in_turn is two schedules, the first with its length
// SPDX-License-Identifier: Apache-2.0
#include <raptr/subnet/schedule/in_turn.hpp>

using namespace raptr;

#ifdef RIGHT
using first_turn = during<share<1, 10>, full_network>;
#else
using first_turn = full_network;
#endif
in_turn<first_turn, equal_stages<layer_drop, 6, 12>> whole;
