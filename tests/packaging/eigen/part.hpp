// SPDX-License-Identifier: Apache-2.0
// A short training that a file with Eigen in front of raptr, and one with Eigen behind it, both run.
#pragma once

#include <filesystem>
#include <iterator>

#include <raptr/backend/cpu.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/raptr.hpp>
#include <raptr/tokenizers/byte.hpp>

#include "outcome.hpp"

static outcome training() {
  const std::string_view documents[] = {"a text that comes again, a text that comes again, and again, and again"};
  const raptr::token_stream tokens(raptr::byte_tokenizer{}, documents);
  constexpr raptr::model_shape shape{.layers = 2, .width = 16, .heads = 2, .vocab = 259, .context = 16};
  raptr::trainer trainer(raptr::transformer<raptr::gpt2_block, raptr::causal_lm, raptr::cpu>(shape, raptr::cpu_options{.threads = 3}),
                         raptr::any_schedule("full"), raptr::adamw{});
  outcome result{};
  trainer.run(tokens, {.steps = 5, .batch = 4}, [&](const raptr::step_report& r) {
    result.loss = r.loss;
    result.threads = std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator());
  });
  const Eigen::MatrixXd m = Eigen::MatrixXd::Constant(16, 16, 0.5);  // too small for threads of its own
  result.product = (m * m).sum();
  return result;
}
