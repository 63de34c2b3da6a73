// SPDX-License-Identifier: Apache-2.0
// Special tokens: what they are for and, on request, their names in text. Files of tokenizers do not say what a special
// token is for; its name does, and these are the names that published tokenizers use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include <raptr/tokenizers/vocabulary.hpp>

namespace raptr {

/// find(name) is the id of a special token, or -1. The first name that is found counts.
template <class Find> vocabulary special_names(int size, Find&& find) {
  const auto first = [&](std::initializer_list<std::string_view> names) {
    for (const auto name : names)
      if (const std::int32_t id = find(name); id >= 0) return id;
    return std::int32_t{-1};
  };
  return {.size = size,
          .end_of_text = first({"<|endoftext|>", "<|end_of_text|>", "</s>", "[SEP]"}),
          .mask = first({"<|mask|>", "<mask>", "[MASK]"}),
          .pad = first({"<|padding|>", "<|pad|>", "<pad>", "[PAD]"})};
}

/// Appends the ids of a text in which the names of special tokens mean these tokens: of those that begin first, the longest.
/// What lies between is encoded as texts of their own. Never for text that others wrote.
template <class Tokenizer, class Id> void encode_with_special(const Tokenizer& tokens, std::string_view text, std::vector<Id>& ids) {
  while (!text.empty()) {
    std::size_t first = text.npos, length = 0;
    std::int32_t found = -1;
    for (const std::int32_t id : tokens.specials()) {
      const std::string_view name = tokens.token(id);
      const auto place = name.empty() ? text.npos : text.substr(0, first == text.npos ? first : first + name.size()).find(name);
      if (place < first || (place == first && place != text.npos && name.size() > length)) first = place, length = name.size(), found = id;
    }
    tokens.encode(text.substr(0, first), ids);
    if (found < 0) return;
    ids.push_back(static_cast<Id>(found));
    text.remove_prefix(first + length);
  }
}

}  // namespace raptr
