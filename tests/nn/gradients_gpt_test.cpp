// SPDX-License-Identifier: Apache-2.0
// A GPT under random plans: blocks, single parts and heads dropped, factors on parts and on whole blocks.
#include "gradient_check.hpp"

using namespace raptr;
using namespace raptr::testing;

TEST_CASE_TEMPLATE("The gradient of a GPT is the difference quotient of its loss, under random plans", Device, cpu, reference) {
  gradients_are_differences<gpt64, causal_lm, Device>(40, {.block_factors = true}, 11);
}
