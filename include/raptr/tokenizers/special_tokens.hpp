// SPDX-License-Identifier: Apache-2.0
// Special tokens: their roles and, on request, their names in text. Where the files of a tokenizer do not state the role of a
// special token, it follows from its name, and these are the names that published tokenizers use.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
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
inline constexpr std::string_view nlu_names[] = {"[NLU]", "<extra_id_r>"};
inline constexpr std::string_view nlg_names[] = {"[NLG]", "<extra_id_x>"};
inline constexpr std::string_view s2s_names[] = {"[S2S]", "<extra_id_s>"};

/// The mark of hidden span k, from 0.
inline std::string sentinel_name(int k) { return "<extra_id_" + std::to_string(k) + ">"; }

inline bool names_a_role(std::string_view name) {
  const auto in = [&](std::span<const std::string_view> names) { return std::ranges::find(names, name) != names.end(); };
  return in(end_names) || in(mask_names) || in(pad_names) || in(cls_names) || in(nlu_names) || in(nlg_names) || in(s2s_names) ||
         name.starts_with("<extra_id_");
}

}  // namespace detail

/// Roles by name, of a tokenizer that states only some of them, or none.
///
///   find    find(name) returns the id of a special token, or -1; the first name found is used. Marks of spans are <extra_id_0>,
///           <extra_id_1> and so on, with ids that ascend or descend by 1
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
                 .sep = first(stated.sep, detail::sep_names),
                 .nlu = first(-1, detail::nlu_names),
                 .nlg = first(-1, detail::nlg_names),
                 .s2s = first(-1, detail::s2s_names)};
  if (ids.end_of_text < 0) ids.end_of_text = ids.sep;
  ids.first_sentinel = ids.last_sentinel = find(detail::sentinel_name(0));
  if (ids.first_sentinel < 0) return ids;
  const int step = find(detail::sentinel_name(1)) > ids.first_sentinel ? 1 : -1;
  for (int next; (next = find(detail::sentinel_name(ids.sentinels()))) >= 0 && next == ids.last_sentinel + step;) ids.last_sentinel = next;
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
