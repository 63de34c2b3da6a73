// SPDX-License-Identifier: Apache-2.0
// shards.json, stored beside shards, records what they do not: the tokenizer, its special ids, and the number and hash of
// the tokens, so that a missing or damaged shard is detected. Shards of other programs come without it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <raptr/data/token_source.hpp>
#include <raptr/io/json.hpp>
#include <raptr/tokenizers/vocabulary.hpp>

namespace raptr {

inline constexpr std::string_view shard_index_name = "shards.json";

struct shard_index {
  struct part {
    std::int64_t shards = 0, tokens = 0, documents = 0;
    std::string hash{};  // token_hash_text() of all tokens
  };
  std::string tokenizer;                 // its name(), which identifies it
  std::filesystem::path tokenizer_from;  // the path it was read from; "bytes" for byte_tokenizer
  raptr::vocabulary vocabulary;
  part training;
  std::optional<part> validation{};
};

namespace detail {

struct named_id {
  const char* name;
  int vocabulary::*id;
};
/// Stated by tokenizers that have them.
inline constexpr named_id denoiser_ids[] = {{"first_sentinel", &vocabulary::first_sentinel},
                                            {"last_sentinel", &vocabulary::last_sentinel},
                                            {"nlu", &vocabulary::nlu},
                                            {"nlg", &vocabulary::nlg},
                                            {"s2s", &vocabulary::s2s}};

}  // namespace detail

inline std::string shard_index_text(const shard_index& index) {
  const auto part = [](const shard_index::part& p) {
    return json{{"shards", p.shards}, {"tokens", p.tokens}, {"documents", p.documents}, {"hash", p.hash}};
  };
  json all = {{"format", 1},
              {"tokenizer",
               {{"name", index.tokenizer},
                {"from", bytes_to_json(index.tokenizer_from.native())},
                {"size", index.vocabulary.size},
                {"end_of_text", index.vocabulary.end_of_text},
                {"mask", index.vocabulary.mask},
                {"pad", index.vocabulary.pad},
                {"cls", index.vocabulary.cls},
                {"sep", index.vocabulary.sep}}},
              {"training", part(index.training)}};
  for (const auto& [name, id] : detail::denoiser_ids)
    if (index.vocabulary.*id >= 0) all["tokenizer"][name] = index.vocabulary.*id;
  if (index.validation) all["validation"] = part(*index.validation);
  return json_text(all);
}

/// Throws file_error if the file is not valid.
inline shard_index read_shard_index(const std::filesystem::path& file) {
  const json all = read_json(file);
  if (const auto format = json_member<int>(all, "format", file); format != 1) errors::wrong_member(file, "format", "1", std::to_string(format));
  const auto tokenizer = json_member<json>(all, "tokenizer", file);
  const auto size = json_member<int>(tokenizer, "size", file);
  if (size < 1) errors::wrong_member(file, "size", "1 or more ids", std::to_string(size));
  const auto special = [&](std::string_view name) {
    const std::string key(name);
    if ((key == "cls" || key == "sep") && !tokenizer.contains(key)) return -1;  // shards written before these were recorded
    const auto id = json_member<int>(tokenizer, name, file);
    if (id < -1 || id >= size) errors::wrong_member(file, name, "-1 or an id below " + std::to_string(size), std::to_string(id));
    return id;
  };
  const auto part = [&](std::string_view name) {
    const auto p = json_member<json>(all, name, file);
    return shard_index::part{json_member<std::int64_t>(p, "shards", file), json_member<std::int64_t>(p, "tokens", file),
                             json_member<std::int64_t>(p, "documents", file), json_member<std::string>(p, "hash", file)};
  };
  shard_index index{.tokenizer = json_member<std::string>(tokenizer, "name", file),
                    .tokenizer_from = bytes_from_json(json_member<json>(tokenizer, "from", file), file),
                    .vocabulary = {.size = size,
                                   .end_of_text = special("end_of_text"),
                                   .mask = special("mask"),
                                   .pad = special("pad"),
                                   .cls = special("cls"),
                                   .sep = special("sep")},
                    .training = part("training")};
  for (const auto& [name, id] : detail::denoiser_ids)
    if (tokenizer.contains(name)) index.vocabulary.*id = special(name);
  if (all.contains("validation")) index.validation = part("validation");
  return index;
}

}  // namespace raptr
