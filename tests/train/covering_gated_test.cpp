// SPDX-License-Identifier: Apache-2.0
// The rows of a gated mlp, which bends much where 1/p makes it large, under a norm without bias, with rotary positions, no biases and
// an output matrix of its own.
#include "covering_checks.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {
using bare_block = block<bert_block, rms_norm, swiglu_mlp, no_biases, rotary<raptr::half>, lm_head<false, head_transform<gelu_erf>>>;
constexpr model_shape with_dropout_of_runs = [] {
  model_shape s = four_of_all;
  s.dropout = {0.1, 0.2, 0.15};
  return s;
}();
const covered<bare_block, masked_lm> gated_rows(gated, with_dropout_of_runs);
}  // namespace

TEST_CASE("Gated: every row of the covering set has the gradient of its loss") { gated_rows.gradients(2e-7); }
TEST_CASE("Gated: every row of the covering set packs to what masks give, to 1e-13 in double") { gated_rows.packing(); }
TEST_CASE("Gated: every row of the covering set updates outside its plans by its rule, frozen not by a bit") { gated_rows.updates(); }
TEST_CASE("Gated, with dropout: every row of the covering set trains and resumes with the same bits on one thread and two") { gated_rows.bits(); }
