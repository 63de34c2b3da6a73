// SPDX-License-Identifier: Apache-2.0
// The rows of a GPT: norm first, heads and groups of neurons.
#include "covering_checks.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {
const covered<gpt2_block, causal_lm> gpt_rows(gpt);
}  // namespace

TEST_CASE("GPT: every row of the covering set has the gradient of its loss") { gpt_rows.gradients(); }
TEST_CASE("GPT: every row of the covering set packs to what masks give, to 1e-13 in double") { gpt_rows.packing(); }
TEST_CASE("GPT: every row of the covering set updates outside its plans by its rule, frozen not by a bit") { gpt_rows.updates(); }
TEST_CASE("GPT: every row of the covering set trains and resumes with the same bits on one thread and two") { gpt_rows.bits(); }
