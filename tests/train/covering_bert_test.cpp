// SPDX-License-Identifier: Apache-2.0
// The rows of a BERT: norm after the sum, so no scale of whole blocks.
#include "covering_checks.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {
const covered<bert_block, masked_lm> bert_rows(bert);
}  // namespace

TEST_CASE("BERT: every row of the covering set has the gradient of its loss") { bert_rows.gradients(); }
TEST_CASE("BERT: every row of the covering set packs to what masks give, to 1e-13 in double") { bert_rows.packing(); }
TEST_CASE("BERT: every row of the covering set updates outside its plans by its rule, frozen not by a bit") { bert_rows.updates(); }
TEST_CASE("BERT: every row of the covering set trains and resumes with the same bits on one thread and two") { bert_rows.bits(); }
