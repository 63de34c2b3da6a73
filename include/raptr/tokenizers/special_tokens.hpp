// SPDX-License-Identifier: Apache-2.0
// Special tokens: their roles and, on request, their names in text. Where the files of a tokenizer do not state the role of a
// special token, it follows from its name, and these are the names that published tokenizers use.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <raptr/tokenizers/vocabulary.hpp>

namespace raptr {

namespace detail {

inline constexpr std::string_view end_names[] = {"<|endoftext|>", "<|end_of_text|>", "</s>", "[SEP]"};
inline constexpr std::string_view mask_names[] = {"<|mask|>", "<mask>", "[MASK]"};
inline constexpr std::string_view pad_names[] = {"<|padding|>", "<|pad|>", "<pad>", "[PAD]"};
inline constexpr std::string_view cls_names[] = {"[CLS]"};
inline constexpr std::string_view sep_names[] = {"[SEP]"};

inline bool names_a_role(std::string_view name) {
  const auto in = [&](std::span<const std::string_view> names) { return std::ranges::find(names, name) != names.end(); };
  return in(end_names) || in(mask_names) || in(pad_names) || in(cls_names);
}

}  // namespace detail

/// Roles by name, of a tokenizer that states only some of them, or none.
///
///   find    find(name) returns the id of a special token, or -1; the first name found is used
///   stated  ids that the files of the tokenizer state; without another end of text, a stated separator ends a text
template <class Find> vocabulary special_names(int size, Find&& find, const vocabulary& stated = {}) {
  const auto first = [&](int given, std::span<const std::string_view> names) {
    for (const auto name : names)
      if (given < 0) given = find(name);
    return given;
  };
  vocabulary ids{.size = size,
                 .end_of_text = first(stated.end_of_text, detail::end_names),
                 .mask = first(stated.mask, detail::mask_names),
                 .pad = first(stated.pad, detail::pad_names),
                 .cls = first(stated.cls, detail::cls_names),
                 .sep = first(stated.sep, detail::sep_names)};
  if (ids.end_of_text < 0) ids.end_of_text = ids.sep;
  return ids;
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
