// SPDX-License-Identifier: Apache-2.0
// A BERT with another norm and a gated mlp: norms without bias, two projections per neuron.
#include "gradient_check.hpp"

using namespace raptr;
using namespace raptr::testing;

TEST_CASE_TEMPLATE("The gradient of a block with RMS norm and a gated mlp is the difference quotient of its loss", Device, RAPTR_TEST_DEVICES) {
  gradients_are_differences<gated64, masked_lm, Device>(30, {}, 13);
}
