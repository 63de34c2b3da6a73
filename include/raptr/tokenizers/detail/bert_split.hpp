// SPDX-License-Identifier: Apache-2.0
// The basic tokenisation of BERT: cleans text and splits it into words and punctuation. It is lossy: spaces, control
// characters, bytes that are not UTF-8 and, optionally, case and accents are dropped.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <span>
#include <string>
#include <string_view>

#include <raptr/tokenizers/detail/code_points.hpp>
#include <raptr/tokenizers/tables/bert.hpp>
#include <raptr/tokenizers/tables/bert_accents.hpp>
#include <raptr/tokenizers/tables/bert_lower.hpp>
#include <raptr/tokenizers/tables/bert_marks.hpp>

namespace raptr {

/// The defaults are those of "uncased" models; cased ones have neither lower_case nor strip_accents.
struct bert_splitting {
  bool lower_case = true;
  bool strip_accents = true;
  bool split_ideographs = true;  ///< each Chinese character is a word
  bool operator==(const bert_splitting&) const = default;
};

namespace detail {

/// The classes of a character before (removed, blank, ideograph) and after (gap, sign) letters are changed.
struct bert_class {
  bool removed : 1, blank : 1, ideograph : 1, gap : 1, sign : 1;  // one byte, so that it stays in a register
};
constexpr bert_class searched_bert_class(char32_t c) {
  namespace in = character_tables;
  return {contains(in::removed, c), contains(in::blanks, c), contains(in::ideographs, c), contains(in::gaps, c), contains(in::punctuation, c)};
}
inline constexpr auto ascii_bert_classes = [] {
  std::array<bert_class, 128> classes{};
  for (char32_t c = 0; c < 128; ++c) classes[c] = searched_bert_class(c);
  return classes;
}();
constexpr bert_class bert_class_of(char32_t c) { return c < 128 ? ascii_bert_classes[c] : searched_bert_class(c); }

/// Calls each(code point) for the replacements of `c` in `pairs`; false if there are none.
template <class Each> bool replaced(std::span<const code_point_pair> pairs, char32_t c, Each&& each) {
  const auto first = std::ranges::lower_bound(pairs, c, {}, &code_point_pair::from);  // equal_range is beyond clang 14
  auto at = first;
  for (; at != pairs.end() && at->from == c; ++at) each(at->to);
  return at != first;
}
template <class Each> void without_accents(char32_t c, Each&& each) {
  if (c < 0x80) return each(c);
  if (c >= 0xac00 && c <= 0xd7a3) {  // a Hangul syllable decomposes into its two or three letters
    const char32_t place = c - 0xac00;
    each(0x1100 + place / 588), each(0x1161 + place % 588 / 28);
    if (place % 28 != 0) each(0x11a7 + place % 28);
    return;
  }
  if (!contains(character_tables::marks, c) && !replaced(character_tables::without_accents, c, each)) each(c);
}
template <class Each> void in_lower_case(char32_t c, Each&& each) {
  if (c < 0x80) return each(c >= 'A' && c <= 'Z' ? c + 32 : c);
  if (!replaced(character_tables::lower_case, c, each)) each(c);
}

}  // namespace detail

/// Calls each(word) for the words and punctuation marks of `text`, in order; a word is valid during the call only.
template <std::invocable<std::string_view> Each> void split_bert(std::string_view text, const bert_splitting& how, Each&& each) {
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) each(std::string_view(word));
    word.clear();
  };
  const auto put = [&](char32_t c) {
    const auto kind = detail::bert_class_of(c);
    if (kind.gap || kind.sign) end_word();
    if (kind.gap) return;
    append_utf8(word, c);
    if (kind.sign) end_word();
  };
  const auto put_letter = [&](char32_t c) {
    if (how.lower_case)
      detail::in_lower_case(c, put);
    else
      put(c);
  };
  while (!text.empty()) {
    const auto next = first_code_point(text);
    text.remove_prefix(next.length);
    const auto kind = detail::bert_class_of(next.value);
    if (kind.removed) continue;
    const bool alone = kind.blank || (kind.ideograph && how.split_ideographs);
    if (alone) end_word();
    if (kind.blank) continue;
    if (how.strip_accents)
      detail::without_accents(next.value, put_letter);
    else
      put_letter(next.value);
    if (alone) end_word();
  }
  end_word();
}

}  // namespace raptr
