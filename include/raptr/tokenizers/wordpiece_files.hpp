// SPDX-License-Identifier: Apache-2.0
// WordPiece tokenizers in files: vocab.txt with a token on each line, and tokenizer_config.json with the splitting
// options. Without the latter a model counts as cased if a token has a capital letter, since lower-casing would keep such
// a token from ever being found.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <raptr/io/json.hpp>
#include <raptr/tokenizers/detail/lines.hpp>
#include <raptr/tokenizers/wordpiece.hpp>

namespace raptr {

namespace detail {

/// Members do_lower_case, strip_accents (null: as do_lower_case) and tokenize_chinese_chars, where present.
inline bert_splitting read_splitting(const std::filesystem::path& file, bert_splitting how) {
  const auto config = read_json(file);
  const auto flag = [&](std::string_view name, bool otherwise) {
    const auto found = config.find(std::string(name));
    return found == config.end() || found->is_null() ? otherwise : json_member<bool>(config, name, file);
  };
  if (!config.is_object()) errors::unexpected(file, "an object", shown_json(config));
  how.lower_case = flag("do_lower_case", how.lower_case);
  how.strip_accents = flag("strip_accents", how.lower_case);
  how.split_ideographs = flag("tokenize_chinese_chars", how.split_ideographs);
  return how;
}

}  // namespace detail

/// Reads a WordPiece tokenizer.
///
///   from  a folder with vocab.txt, or that file; tokenizer_config.json beside it is read if present
///
/// Throws file_error with file and line.
inline wordpiece_tokenizer read_wordpiece(const std::filesystem::path& from) {
  std::error_code ignored;
  const auto file = std::filesystem::is_directory(from, ignored) ? from / "vocab.txt" : from;
  constexpr std::int64_t most = 1 << 24;
  std::vector<std::string> tokens;
  detail::read_lines(file, [&](std::int64_t number, std::string_view line) {
    if (number > most) errors::unexpected(file, "at most " + std::to_string(most) + " lines", "more");
    tokens.emplace_back(line);
  });
  const auto cased = [](const std::string& token) {
    return !token.starts_with('[') && std::ranges::any_of(token, [](char c) { return c >= 'A' && c <= 'Z'; });
  };
  const bool lower = std::ranges::none_of(tokens, cased);
  bert_splitting how{.lower_case = lower, .strip_accents = lower};
  const auto config = folder_of(file) / "tokenizer_config.json";
  if (std::filesystem::exists(config, ignored)) how = detail::read_splitting(config, how);
  try {
    return wordpiece_tokenizer(std::move(tokens), how);
  } catch (const input_error& wrong) {
    errors::wrong_tokenizer(shown(file) + " (a token's id is its line number minus 1)", wrong);
  }
}

}  // namespace raptr
