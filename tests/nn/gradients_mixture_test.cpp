// SPDX-License-Identifier: Apache-2.0
// A part and a norm that a user wrote, with four units that are drawn one by one.
#include "gradient_check.hpp"

using namespace raptr;
using namespace raptr::testing;

TEST_CASE_TEMPLATE("The gradient of a user's own part and norm is the difference quotient of its loss", Device, RAPTR_TEST_DEVICES) {
  gradients_are_differences<mixture64, masked_lm, Device>(30, {.block_factors = true, .sequences = 0.3}, 14);
}
