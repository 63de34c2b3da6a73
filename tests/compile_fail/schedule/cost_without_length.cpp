// expect: raptr: this schedule counts in steps, so its cost depends on the length of the run
// SPDX-License-Identifier: Apache-2.0
#include "../../support/example_block.hpp"

#include <raptr/schedule/progressive.hpp>
#include <raptr/schedule/then.hpp>

using namespace raptr;

#ifdef RIGHT
using length = share<1, 10>;
#else
using length = steps<100>;
#endif
constexpr double cost = block_flops_ratio<then<lasting<length, full_network>, equal_stages<layer_drop, 6, 12>>, example_block>(bert_base);
