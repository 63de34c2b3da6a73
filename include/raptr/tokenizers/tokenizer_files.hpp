// SPDX-License-Identifier: Apache-2.0
// Reads a tokenizer of any kind from its files, for programs that are given a path.
#pragma once

#include <filesystem>
#include <system_error>
#include <variant>

#include <raptr/tokenizers/bpe_files.hpp>
#include <raptr/tokenizers/byte.hpp>
#include <raptr/tokenizers/wordpiece_files.hpp>

namespace raptr {

/// Its alternatives are tokenizers: use std::visit once, around the whole work, not per text.
using any_tokenizer = std::variant<byte_tokenizer, bpe_tokenizer, wordpiece_tokenizer>;

/// Reads a byte-level or WordPiece tokenizer.
///
///   from  a folder or one of its files: tokenizer.json, else vocab.json with merges.txt, else vocab.txt
///
/// Throws as read_bpe() and read_wordpiece() do.
inline any_tokenizer read_tokenizer(const std::filesystem::path& from) {
  std::error_code ignored;
  const auto has = [&](const char* name) { return std::filesystem::exists(from / name, ignored); };
  if (std::filesystem::is_directory(from, ignored)) {
    // A tokenizer.json beside vocab.txt is that of a WordPiece, which is read from vocab.txt.
    if (has("vocab.txt") && !has("vocab.json")) return read_wordpiece(from);
    return read_bpe(from);
  }
  if (from.extension() == ".txt" && from.filename() != "merges.txt") return read_wordpiece(from);
  return read_bpe(from);
}

}  // namespace raptr
