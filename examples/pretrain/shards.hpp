// SPDX-License-Identifier: Apache-2.0
// Opens the shards given to a run, and compares them with the shards.json that raptr-tokenize wrote beside them.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include <raptr/data/shard_files.hpp>
#include <raptr/data/shard_index.hpp>
#include <raptr/data/sharded_tokens.hpp>

#include "../support/process.hpp"
#include "../support/text_report.hpp"
#include "settings.hpp"

namespace program {

namespace errors {
[[noreturn]] inline void shards_of_another_tokenizer(const std::filesystem::path& index, const raptr::shard_index& made, const std::string& given) {
  raptr::fail(raptr::shown(index) + ": the shards were made with the tokenizer " + raptr::shown(made.tokenizer) + ", and --tokenizer is " +
              raptr::shown(given) + ": give --tokenizer " + shell_word(made.tokenizer_from.native()));
}
[[noreturn]] inline void shards_of_two_tokenizers(const std::filesystem::path& index, const std::string& one, const std::string& other) {
  raptr::fail(raptr::shown(index) + ": the shards were made with the tokenizer " + raptr::shown(one) + ", others with " + raptr::shown(other) +
              ": train on those of one tokenizer");
}
}  // namespace errors

/// Shards as a token source, a line about them, and their expected hash if it is known.
struct opened_shards {
  raptr::sharded_tokens tokens;
  std::string line;
  std::filesystem::path index;
  std::string hash;
};

/// The tokenizer whose ids the shards hold.
struct shard_tokenizer {
  std::string name;  // empty: not known
  raptr::vocabulary ids;
};

struct found_index {
  std::filesystem::path file;
  raptr::shard_index says;
};
/// The shards.json files beside the named paths, each once.
inline std::vector<found_index> indices_of(const path_list& named) {
  std::vector<found_index> found;
  std::error_code ignored;
  for (const auto& path : named) {
    const auto folder = std::filesystem::is_directory(path, ignored) ? path : raptr::folder_of(path);
    const auto index = folder / raptr::shard_index_name;
    if (std::filesystem::exists(index, ignored) && std::ranges::find(found, index, &found_index::file) == found.end())
      found.push_back({index, raptr::read_shard_index(index)});
  }
  return found;
}

/// The tokenizer according to the shards.json files beside the shards; nullopt if there are none.
inline std::optional<shard_tokenizer> tokenizer_of_shards(const path_list& named) {
  std::optional<shard_tokenizer> found;
  for (const auto& [index, says] : indices_of(named)) {
    if (found && found->name != says.tokenizer) errors::shards_of_two_tokenizers(index, says.tokenizer, found->name);
    found = {says.tokenizer, says.vocabulary};
  }
  return found;
}

/// tokenizer: the one whose ids they must hold.
inline opened_shards open_shards(const settings& s, const path_list& named, raptr::shard_part part, const shard_tokenizer& tokenizer) {
  const auto indices = indices_of(named);
  for (const auto& [index, says] : indices)
    if (!tokenizer.name.empty() && says.tokenizer != tokenizer.name) errors::shards_of_another_tokenizer(index, says, tokenizer.name);
  const auto files = raptr::find_shards(named, part);
  opened_shards opened{
      {files.files, tokenizer.ids, s.shard_format == "nanogpt" ? raptr::shard_format::nanogpt : raptr::shard_format::llm_c}, {}, {}, {}};
  const auto& source = opened.tokens;
  opened.line = counted(source.shards(), "file", "files") + ", " + counted(source.size(), "token", "tokens");
  if (source.empty_files()) opened.line += ", " + counted(source.empty_files(), "file without a token", "files without a token");
  if (!files.skipped.empty())
    opened.line += ", " + counted(std::ssize(files.skipped), "folder entry skipped", "folder entries skipped") + " (" +
                   raptr::shown(files.skipped.front().filename()) + ")";
  // If one folder is named, its shards.json has the expected counts and hash.
  if (std::error_code ignored; named.size() == 1 && std::filesystem::is_directory(named.front(), ignored) && !indices.empty()) {
    const auto& [index, says] = indices.front();
    const auto& expected = part == raptr::shard_part::training || !says.validation ? says.training : *says.validation;
    opened.index = index;
    opened.hash = expected.hash;
    const auto differ = [&](const char* what, std::int64_t should, std::int64_t is) {
      if (should != is) raptr::errors::shards_differ_from_index(opened.index, what, std::to_string(should), std::to_string(is));
    };
    differ("number of shards", expected.shards, source.shards());
    differ("number of tokens", expected.tokens, source.size());
  }
  return opened;
}

}  // namespace program
