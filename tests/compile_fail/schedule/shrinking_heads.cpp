// expect: raptr: a stage of this schedule trains less than the one before it
// SPDX-License-Identifier: Apache-2.0
#include "../../support/two_attentions.hpp"

#include <raptr/schedule/progressive.hpp>
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using sizes = equal_stages<head_drop, 3, 6, 12>;
#else
using sizes = equal_stages<head_drop, 6, 3, 12>;
#endif
require_progressive<sizes, example_block, bert_base> whole;
