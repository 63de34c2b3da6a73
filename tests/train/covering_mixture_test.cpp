// SPDX-License-Identifier: Apache-2.0
// The rows of a user's own part and norm: an axis of its own instead of neurons.
#include "covering_checks.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {
const covered<block<bert_block, fourth_norm, experts, pre_norm>, masked_lm> mixture_rows(mixture);
}  // namespace

TEST_CASE("Mixture: every row of the covering set has the gradient of its loss") { mixture_rows.gradients(); }
TEST_CASE("Mixture: every row of the covering set packs to what masks give, to 1e-13 in double") { mixture_rows.packing(); }
TEST_CASE("Mixture: every row of the covering set updates outside its plans by its rule, frozen not by a bit") { mixture_rows.updates(); }
TEST_CASE("Mixture: every row of the covering set trains and resumes with the same bits on one thread and two") { mixture_rows.bits(); }
