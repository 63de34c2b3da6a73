// expect: raptr: the last stage of this schedule is not the full network
// SPDX-License-Identifier: Apache-2.0
#include "../../support/example_block.hpp"

#include <raptr/schedule/progressive.hpp>
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using sizes = equal_stages<layer_drop, 6, 12>;
#else
using sizes = equal_stages<layer_drop, 6, 8>;
#endif
require_progressive<sizes, example_block, bert_base> whole;
