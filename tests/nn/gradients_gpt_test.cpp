// SPDX-License-Identifier: Apache-2.0
// A GPT under random plans: blocks, single parts, heads, groups of neurons and sequences dropped, factors on units, parts and
// whole blocks; with a key and a value of each head, and shared ones.
#include "gradient_check.hpp"

using namespace raptr;
using namespace raptr::testing;

TEST_CASE_TEMPLATE("The gradient of a GPT is the difference quotient of its loss, under random plans", Device, RAPTR_TEST_DEVICES) {
  gradients_are_differences<gpt64, causal_lm, Device>(30, {.block_factors = true}, 11);
  gradients_are_differences<gpt64, causal_lm, Device>(15, {.block_factors = true, .sequences = 0.6}, 15, tiny_shared);
}
