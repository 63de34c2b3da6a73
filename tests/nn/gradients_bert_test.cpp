// SPDX-License-Identifier: Apache-2.0
// A BERT under random plans: post-norm, so factors are on parts only.
#include "gradient_check.hpp"

using namespace raptr;
using namespace raptr::testing;

TEST_CASE_TEMPLATE("The gradient of a BERT is the difference quotient of its loss, under random plans", Device, RAPTR_TEST_DEVICES) {
  gradients_are_differences<bert64, masked_lm, Device>(30, {}, 12);
  gradients_are_differences<bert64, masked_lm, Device>(15, {.sequences = 0.6}, 16, tiny_shared);
}
