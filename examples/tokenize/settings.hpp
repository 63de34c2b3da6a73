// SPDX-License-Identifier: Apache-2.0
// The settings of raptr-tokenize, and its two tasks.
#pragma once

#include "../support/option_list.hpp"

namespace program {

struct settings {
  path_list text;
  std::string documents = "file";
  std::filesystem::path out;
  std::int64_t train_bpe = 8192;

  std::string tokenizer;  // of shards; empty: one is learned
  std::int64_t shard_tokens = 100'000'000, threads = 0;
  double validation_share = 0;
};

/// Both return an exit code.
int learn_tokenizer(const settings& s);
int write_shards(const settings& s);

}  // namespace program
