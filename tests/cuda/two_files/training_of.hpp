// SPDX-License-Identifier: Apache-2.0
// The training itself, for a file that has included a backend.
#pragma once

#include <raptr/data/token_stream.hpp>
#include <raptr/raptr.hpp>
#include <raptr/tokenizers/byte.hpp>

#include "training.hpp"

template <raptr::device Device> double train(const std::string& text) {
  const std::string_view documents[] = {text};
  const raptr::token_stream tokens(raptr::byte_tokenizer{}, documents);
  raptr::transformer<raptr::gpt2_block, raptr::causal_lm, Device> model({.layers = 3, .width = 16, .heads = 2, .vocab = 259, .context = 16});
  raptr::trainer trainer(std::move(model), raptr::any_schedule("2-3"), raptr::adamw{.lr = 1e-2});
  trainer.run(tokens, {.steps = 6, .batch = 2});
  return trainer.evaluate(tokens, 4, 8);
}
