// expect: raptr: a stage of this schedule keeps more units than the model has
// SPDX-License-Identifier: Apache-2.0
#include "../../support/example_block.hpp"

#include <raptr/schedule/progressive.hpp>
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using sizes = equal_stages<layer_drop, 6, 12>;
#else
using sizes = equal_stages<layer_drop, 6, 13>;
#endif
require_progressive<sizes, example_block, bert_base> whole;
