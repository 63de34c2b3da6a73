// expect: raptr: a stage of this schedule keeps more units than the model has
// SPDX-License-Identifier: Apache-2.0
#include "../../subnet/example_block.hpp"

#include <raptr/subnet/schedule/progressive.hpp>
#include <raptr/subnet/schedule/types.hpp>

using namespace raptr;

template <class Keep> using sizes = schedule<stage<share<1, 2>, layer_drop<Keep, linear_in_depth>>, stage<share<1, 2>, full_network>>;

#ifdef RIGHT
require_progressive<sizes<keep<2, 3>>, example_block, bert_base> whole;
#else
require_progressive<sizes<keep<1, 4>>, example_block, bert_base> whole;
#endif
