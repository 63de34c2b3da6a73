// SPDX-License-Identifier: Apache-2.0
// Special tokens: their roles and, on request, their names in text. Tokenizer files do not record the role of a special
// token; it follows from its name, and these are the names that published tokenizers use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include <raptr/tokenizers/vocabulary.hpp>

namespace raptr {

/// find(name) returns the id of a special token, or -1. The first name found is used.
template <class Find> vocabulary special_names(int size, Find&& find) {
  const auto first = [&](std::initializer_list<std::string_view> names) {
    for (const auto name : names)
      if (const std::int32_t id = find(name); id >= 0) return id;
    return std::int32_t{-1};
  };
  return {.size = size,
          .end_of_text = first({"<|endoftext|>", "<|end_of_text|>", "</s>", "[SEP]"}),
          .mask = first({"<|mask|>", "<mask>", "[MASK]"}),
          .pad = first({"<|padding|>", "<|pad|>", "<pad>", "[PAD]"}),
          .cls = first({"[CLS]"}),
          .sep = first({"[SEP]"})};
}

/// Appends the ids of a text in which names of special tokens become these tokens: the earliest match, the longest of equals.
/// The text between matches is encoded separately. Not for untrusted text.
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
