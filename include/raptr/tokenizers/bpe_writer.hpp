// SPDX-License-Identifier: Apache-2.0
// Writes byte-level tokenizers in the files of Hugging Face's libraries, which bpe_files.hpp reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <raptr/io/json.hpp>
#include <raptr/tokenizers/bpe.hpp>
#include <raptr/tokenizers/detail/byte_alphabet.hpp>

namespace raptr {

namespace detail {

/// Whether a special token can be written as it is: UTF-8 that the byte alphabet does not decode to other bytes.
inline bool spells_itself(std::string_view name) { return is_utf8(name) && bytes_spelled(name).value_or(std::string(name)) == name; }

/// An entry of "added_tokens" in tokenizer.json.
inline json special_token_json(std::int32_t id, std::string_view name) {
  return {{"id", id}, {"content", name}, {"single_word", false}, {"lstrip", false}, {"rstrip", false}, {"normalized", false}, {"special", true}};
}

/// Each token as it is spelled in files.
inline std::vector<std::string> spellings_of(const bpe_tokenizer& tokenizer) {
  std::vector<std::string> spellings;
  for (std::int32_t id = 0; id < tokenizer.size(); ++id) {
    const auto& token = tokenizer.token(id);
    spellings.push_back(tokenizer.is_special(id) && spells_itself(token) ? token : spell_bytes(token));
  }
  return spellings;
}
inline json vocab_json(const std::vector<std::string>& spellings) {
  json vocab = json::object();
  for (const auto& one : spellings)  // append directly: spellings differ
    vocab.get_ref<json::object_t&>().emplace_back(one, std::ssize(vocab));
  return vocab;
}
/// "left right" of each merge, in their order.
inline std::vector<std::string> merge_lines(const bpe_tokenizer& tokenizer, const std::vector<std::string>& spellings) {
  std::vector<std::string> lines;
  for (const auto& [left, right] : tokenizer.model().merges)
    lines.push_back(spellings[static_cast<std::size_t>(left)] + " " + spellings[static_cast<std::size_t>(right)]);
  return lines;
}

/// "pre_tokenizer" of tokenizer.json. GPT-2's splitting is part of its ByteLevel; another one is a step before it.
inline json splitting_json(bpe_splitting how) {
  json byte_level = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", how == bpe_splitting::gpt2}};
  if (how == bpe_splitting::gpt2) return byte_level;
  const json split = {{"type", "Split"}, {"pattern", {{"Regex", llama3_pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
  return {{"type", "Sequence"}, {"pretokenizers", json::array({split, std::move(byte_level)})}};
}

}  // namespace detail

/// The contents of tokenizer.json.
inline json tokenizer_json(const bpe_tokenizer& tokenizer) {
  const auto spellings = detail::spellings_of(tokenizer);
  json added = json::array();
  for (const auto id : tokenizer.specials())
    if (detail::spells_itself(tokenizer.token(id))) added.push_back(detail::special_token_json(id, spellings[static_cast<std::size_t>(id)]));
  json bpe = {{"type", "BPE"},
              {"dropout", nullptr},
              {"unk_token", nullptr},
              {"continuing_subword_prefix", nullptr},
              {"end_of_word_suffix", nullptr},
              {"fuse_unk", false},
              {"byte_fallback", false},
              {"ignore_merges", tokenizer.model().ignore_merges}};
  bpe["vocab"] = detail::vocab_json(spellings);
  bpe["merges"] = detail::merge_lines(tokenizer, spellings);
  json whole = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}};
  whole["added_tokens"] = std::move(added);
  whole["normalizer"] = nullptr;
  whole["pre_tokenizer"] = detail::splitting_json(tokenizer.model().splitting);
  whole["post_processor"] = nullptr;
  whole["decoder"] = detail::splitting_json(bpe_splitting::gpt2);
  whole["model"] = std::move(bpe);
  return whole;
}

/// Writes tokenizer.json into a folder, creating it, and vocab.json and merges.txt, which only say what GPT-2's splitting and merging need;
/// each file is replaced atomically.
inline void write_bpe(const bpe_tokenizer& tokenizer, const std::filesystem::path& folder) {
  make_folders(folder);
  replace_file(folder / "tokenizer.json", json_text(tokenizer_json(tokenizer)));
  if (tokenizer.model().splitting != bpe_splitting::gpt2 || tokenizer.model().ignore_merges) return;
  const auto spellings = detail::spellings_of(tokenizer);
  std::string lines = "#version: 0.2\n";
  for (const auto& line : detail::merge_lines(tokenizer, spellings)) lines += line + "\n";
  replace_file(folder / "vocab.json", json_text(detail::vocab_json(spellings)));
  replace_file(folder / "merges.txt", lines);
}

}  // namespace raptr
