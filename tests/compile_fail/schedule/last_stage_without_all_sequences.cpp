// expect: raptr: the last stage of this schedule is not the full network
// SPDX-License-Identifier: Apache-2.0
#include "../../support/two_attentions.hpp"

#include <raptr/schedule/progressive.hpp>
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using sizes = schedule<stage<share<1, 2>, sequence_drop<keep<1, 2>>>, stage<share<1, 2>, full_network>>;
#else
using sizes = schedule<stage<share<1, 2>, sequence_drop<keep<1, 2>>>, stage<share<1, 2>, sequence_drop<keep<3, 4>>>>;
#endif
require_progressive<sizes, example_block, bert_base> whole;
