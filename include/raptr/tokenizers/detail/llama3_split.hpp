// SPDX-License-Identifier: Apache-2.0
// The pre-tokenisation of Llama 3, which GPT-4 has too: contractions in any case, at most three digits together, any one character in
// front of a word, line ends apart from other spaces. Every byte is in exactly one pre-token.
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>

#include <raptr/tokenizers/detail/gpt2_split.hpp>

namespace raptr {

namespace detail {

/// contraction() in any case. The long s is an s in another case.
constexpr std::size_t contraction_of_any_case(std::string_view text) {
  constexpr std::string_view long_s = "'\u017f";
  if (text.size() < 2 || text[0] != '\'') return 0;
  if (text.starts_with(long_s)) return long_s.size();
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  const char folded[] = {'\'', lower(text[1]), text.size() > 2 ? lower(text[2]) : ' '};
  return contraction(std::string_view(folded, 3));
}

/// Where the pre-token that begins at `at` ends, unless it is a contraction.
constexpr std::size_t end_of_llama3(std::string_view text, std::size_t at) {
  using enum character_class;
  const auto ends_line = [&](std::size_t i) { return i < text.size() && (text[i] == '\n' || text[i] == '\r'); };
  const auto first = first_code_point(text.substr(at));
  const auto kind = class_of(first.value);
  const std::size_t second = at + first.length;
  if (kind == letter) return end_of_run(text, at, letter);
  if (kind == number) return end_of_run(text, at, number, 3);
  if (!ends_line(at))
    if (const auto end = end_of_run(text, second, letter); end > second) return end;
  if (kind == sign || first.value == ' ') {
    const std::size_t begin = kind == sign ? at : second;
    auto end = end_of_run(text, begin, sign);
    if (end > begin) {
      while (ends_line(end)) ++end;
      return end;
    }
  }
  // Spaces: up to the last line end among them; without one, the last is split off for what follows.
  std::size_t end = at, last = at, lines = at;
  for (std::size_t next; (next = end_of_run(text, end, space, 1)) > end; end = next) {
    last = end;
    if (ends_line(end)) lines = next;
  }
  if (lines > at) return lines;
  return end < text.size() && last > at ? last : end;
}

}  // namespace detail

/// The regular expression of Llama 3 [hf].
inline constexpr std::string_view llama3_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// Calls each(pre-token) for the pre-tokens of `text`, in order: the matches of llama3_pattern.
template <std::invocable<std::string_view> Each> constexpr void split_llama3(std::string_view text, Each&& each) {
  for (std::size_t at = 0, end = 0; at < text.size(); at = end) {
    end = at + detail::contraction_of_any_case(text.substr(at));
    if (end == at) end = detail::end_of_llama3(text, at);
    each(text.substr(at, end - at));
  }
}

}  // namespace raptr
