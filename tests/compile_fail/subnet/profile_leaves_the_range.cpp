// expect: raptr: a stage of this schedule keeps more units than the model has
// SPDX-License-Identifier: Apache-2.0
#include "../../support/example_block.hpp"

#include <raptr/schedule/progressive.hpp>
#include <raptr/schedule/schedule.hpp>

using namespace raptr;

template <class Keep> using sizes = schedule<stage<share<1, 2>, layer_drop<Keep, linear_in_depth>>, stage<share<1, 2>, full_network>>;

#ifdef RIGHT
require_progressive<sizes<keep<2, 3>>, example_block, bert_base> whole;
#else
require_progressive<sizes<keep<1, 4>>, example_block, bert_base> whole;
#endif
