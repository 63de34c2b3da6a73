// SPDX-License-Identifier: Apache-2.0
// Where a text may be cut so that its parts can be encoded one by one, with any tokenizer of this folder. Every space of Unicode
// counts, so there is no cut after an ideographic space.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <raptr/base/utf8.hpp>
#include <raptr/tokenizers/detail/gpt2_split.hpp>

namespace raptr {

/// The last offset after `from` where the concatenated ids of both sides are the ids of the whole: before a space, tab or
/// line end that follows another character. No pre-token of GPT-2 and no word of BERT crosses it, and neither side depends
/// on the other. 0: there is none.
constexpr std::size_t last_safe_cut(std::string_view text, std::size_t from = 0) {
  const auto blank = [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; };
  const auto space_before = [&](std::size_t at) {
    if (static_cast<unsigned char>(text[at - 1]) < 0x80)
      return detail::class_of(static_cast<unsigned char>(text[at - 1])) == detail::character_class::space;
    for (std::size_t length = 2; length <= 4 && length <= at; ++length)
      if (const auto before = text.substr(at - length, length); utf8_length(before) == length)
        return detail::class_of(first_code_point(before).value) == detail::character_class::space;
    return false;  // a byte that is not UTF-8 counts as a sign
  };
  for (std::size_t at = text.size(); at-- > (std::max)(from, std::size_t{1});)
    if (blank(text[at]) && !space_before(at)) return at;
  return 0;
}

}  // namespace raptr
