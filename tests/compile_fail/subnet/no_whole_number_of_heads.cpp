// expect: raptr: a stage of this schedule keeps more units than the model has
// SPDX-License-Identifier: Apache-2.0
#include "../../support/two_attentions.hpp"

#include <raptr/schedule/progressive.hpp>
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using sizes = schedule<stage<share<1, 2>, head_drop<keep<1, 4>>>, stage<share<1, 2>, full_network>>;
#else
using sizes = schedule<stage<share<1, 2>, head_drop<keep<1, 5>>>, stage<share<1, 2>, full_network>>;
#endif
require_progressive<sizes, example_block, bert_base> whole;
