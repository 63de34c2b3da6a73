// SPDX-License-Identifier: Apache-2.0
// Errors of a run, its data and its options.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <raptr/base/error.hpp>
#include <raptr/comm/error.hpp>

namespace raptr::errors {

[[noreturn]] inline void run_option_is_out_of_range(const std::string& name, const std::string& given, const std::string& allowed) {
  fail(name + " is " + given + ": give " + allowed);
}
[[noreturn]] inline void run_is_over(std::int64_t done, std::int64_t steps) {
  fail("this run has completed " + std::to_string(done) + " steps, so it cannot end after " + std::to_string(steps) +
       ": give at least that many steps");
}
[[noreturn]] inline void too_many_nonfinite_steps(std::int64_t step, int in_a_row, const std::string& first_bad) {
  fail<training_error>("step " + std::to_string(step) + " is the last of " + std::to_string(in_a_row) +
                       " steps in a row whose loss, gradient, weights or moments are not finite (first: " + first_bad +
                       "): the weights are unchanged by these steps; lower the learning rate, or resume from a checkpoint");
}
[[noreturn]] inline void tokenizer_is_larger_than_the_vocabulary(int tokenizer, int vocab) {
  fail("the tokenizer has " + std::to_string(tokenizer) + " ids, but the embedding has " + std::to_string(vocab) +
       " rows: raise the vocabulary to at least " + std::to_string(tokenizer));
}

[[noreturn]] inline void batch_has_fewer_sequences_than_ranks(int batch, int ranks) {
  fail("a batch of " + std::to_string(batch) + " sequences cannot be divided over " + std::to_string(ranks) +
       " ranks: every rank needs at least one; raise the batch, or take fewer ranks");
}
[[noreturn]] inline void ranks_differ(const comm_operation& at, const std::string& what, int rank, const std::string& here, int other,
                                      const std::string& there) {
  fail(text_of(at) + ": rank " + std::to_string(rank) + " and rank " + std::to_string(other) + " differ in " + what + ": " + here + " and " + there +
       "; all ranks train one model, so they need the same");
}
[[noreturn]] inline void ranks_have_different_plans(const comm_operation& at, int rank, int other) {
  fail<comm_error>(text_of(at) + ": rank " + std::to_string(rank) + " and rank " + std::to_string(other) +
                   " have drawn different subnetworks; all ranks need the same schedule and seed");
}

[[noreturn]] inline void evaluated_plan_drops_sequences(int block) {
  fail("the plan to evaluate drops sequences in block " + std::to_string(block) +
       ": sequences are numbered within a training step; evaluate a plan in which all pass through every block");
}
[[noreturn]] inline void gradient_is_sharded() {
  fail(
      "several ranks divide the optimizer, so each has a part of the gradient only, and not in the order of the weights: to look at it, leave "
      "out update_options::sharded");
}
[[noreturn]] inline void part_is_not_active(int block, std::size_t part) {
  fail("part " + std::to_string(part) + " of block " + std::to_string(block) + " is dropped in this step and has no activations");
}

}  // namespace raptr::errors
