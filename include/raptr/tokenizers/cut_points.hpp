// SPDX-License-Identifier: Apache-2.0
// Where a text may be cut so that its parts can be encoded one by one, with any tokenizer of this folder. Every space of Unicode
// counts, so there is no cut after an ideographic space.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <raptr/base/utf8.hpp>
#include <raptr/tokenizers/detail/character_class.hpp>

namespace raptr {

/// The last offset after `from` where the concatenated ids of both sides are the ids of the whole: before a space or tab that follows
/// another character, or a line end that follows a letter or number (after a sign, Llama 3 keeps it with the sign). No pre-token and no
/// word of BERT crosses it, and neither side depends on the other. 0: there is none.
constexpr std::size_t last_safe_cut(std::string_view text, std::size_t from = 0) {
  using enum detail::character_class;
  const auto class_before = [&](std::size_t at) {
    if (static_cast<unsigned char>(text[at - 1]) < 0x80) return detail::class_of(static_cast<unsigned char>(text[at - 1]));
    for (std::size_t length = 2; length <= 4 && length <= at; ++length)
      if (const auto before = text.substr(at - length, length); utf8_length(before) == length)
        return detail::class_of(first_code_point(before).value);
    return sign;  // a byte that is not UTF-8
  };
  for (std::size_t at = text.size(); at-- > (std::max)(from, std::size_t{1});) {
    const bool gap = text[at] == ' ' || text[at] == '\t', line_end = text[at] == '\n' || text[at] == '\r';
    if (!gap && !line_end) continue;
    const auto before = class_before(at);
    if (before != space && (gap || before != sign)) return at;
  }
  return 0;
}

}  // namespace raptr
