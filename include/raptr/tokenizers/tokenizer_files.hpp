// SPDX-License-Identifier: Apache-2.0
// Reads a tokenizer of any kind from its files, for programs that are given a path.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <variant>

#include <raptr/tokenizers/bpe_files.hpp>
#include <raptr/tokenizers/byte.hpp>
#include <raptr/tokenizers/wordpiece_files.hpp>

namespace raptr {

/// Its alternatives are tokenizers: use std::visit once, around the whole work, not per text.
using any_tokenizer = std::variant<byte_tokenizer, bpe_tokenizer, wordpiece_tokenizer>;

/// The tokenizer of bytes as a BPE. Its ids and the roles of its three marks are the same.
inline bpe_tokenizer bytes_as_bpe() {
  bpe_model model;
  for (int byte = 0; byte < 256; ++byte) model.tokens.emplace_back(1, static_cast<char>(static_cast<unsigned char>(byte)));
  for (const char* const mark : {"<|endoftext|>", "<|mask|>", "<|padding|>"}) model.tokens.emplace_back(mark);
  return bpe_tokenizer(std::move(model));
}

namespace detail {

/// The bytes if `read` is bytes_as_bpe(), in its roles too.
inline any_tokenizer bytes_or(bpe_tokenizer read) {
  const bool bytes = read.vocabulary() == byte_tokenizer::vocabulary() && read.name() == bytes_as_bpe().name();
  return bytes ? any_tokenizer(byte_tokenizer{}) : any_tokenizer(std::move(read));
}

/// The type of the model in a tokenizer.json; old files of byte-level tokenizers do not state it.
inline std::string model_type(const json& whole, const std::filesystem::path& file) {
  const auto model = json_member<json>(whole, "model", file);
  if (!model.is_object() || !model.contains("type")) return "BPE";
  auto type = json_member<std::string>(model, "type", file);
  if (type != "BPE" && type != "WordPiece") errors::wrong_member(file, "type", "\"BPE\" or \"WordPiece\"", in_quotes(type));
  return type;
}

}  // namespace detail

/// Reads a byte-level or WordPiece tokenizer. One that is bytes_as_bpe() is read as a byte_tokenizer.
///
///   from  a folder or one of its files: tokenizer.json, else vocab.json with merges.txt, else vocab.txt
///
/// Throws as read_bpe() and read_wordpiece() do, and for a tokenizer.json of another model.
inline any_tokenizer read_tokenizer(const std::filesystem::path& from) {
  std::error_code ignored;
  (void)detail::present(from);  // throws for a link to nothing
  if (std::filesystem::is_directory(from, ignored)) {
    const bool lines = detail::present(from / "vocab.txt"), bytes = detail::present(from / "vocab.json");
    if (detail::present(from / "tokenizer.json")) return read_tokenizer(from / "tokenizer.json");
    if (lines && !bytes) return read_wordpiece(from);
    return detail::bytes_or(read_bpe(from));
  }
  if (from.filename() == "vocab.json" || from.filename() == "merges.txt") return detail::bytes_or(read_bpe(from));
  if (from.extension() == ".txt") return read_wordpiece(from);
  const json whole = detail::read_whole_tokenizer(from);
  if (detail::model_type(whole, from) == "BPE") return detail::bytes_or(detail::read_tokenizer_json(whole, from));
  const auto lines = folder_of(from) / "vocab.txt";
  return detail::read_wordpiece_json(whole, from, detail::present(lines) ? std::optional(lines) : std::nullopt);
}

}  // namespace raptr
