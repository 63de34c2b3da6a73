// SPDX-License-Identifier: Apache-2.0
// The pre-tokenisation of GPT-2: splits text into pre-tokens that no merge crosses. Every byte is in exactly one. A byte
// that is not UTF-8 counts as a sign, like a punctuation mark: neither letter, number nor space.
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>

#include <raptr/tokenizers/detail/character_class.hpp>

namespace raptr {

namespace detail {

/// Length of the 's, 't, 're, 've, 'm, 'll or 'd that `text` begins with; 0 if there is none.
constexpr std::size_t contraction(std::string_view text) {
  if (text.size() < 2 || text[0] != '\'') return 0;
  if (text[1] == 's' || text[1] == 't' || text[1] == 'm' || text[1] == 'd') return 2;
  const auto two = text.substr(1, 2);
  return two == "re" || two == "ve" || two == "ll" ? 3 : 0;
}

}  // namespace detail

/// The regular expression of GPT-2 [gpt2].
inline constexpr std::string_view gpt2_pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// Calls each(pre-token) for the pre-tokens of `text`, in order: the matches of gpt2_pattern.
template <std::invocable<std::string_view> Each> constexpr void split_gpt2(std::string_view text, Each&& each) {
  using enum detail::character_class;
  // End of the run of `kind` that begins at `at`; `last` is the offset of its last character.
  std::size_t last = 0;
  const auto run = [&](std::size_t at, detail::character_class kind) {
    while (at < text.size()) {
      const auto next = first_code_point(text.substr(at));
      if (detail::class_of(next.value) != kind) break;
      last = at;
      at += next.length;
    }
    return at;
  };
  for (std::size_t at = 0, end = 0; at < text.size(); at = end) {
    end = at + detail::contraction(text.substr(at));
    if (end == at) {
      const std::size_t blank = text[at] == ' ' && at + 1 < text.size() ? 1 : 0;  // joins what follows, unless that is a space too
      auto kind = detail::class_of(first_code_point(text.substr(at + blank)).value);
      end = run(kind == space ? at : at + blank, kind);
      // Of several spaces before other characters the last is split off: a plain space joins what follows.
      if (kind == space && end < text.size() && last > at) end = last;
    }
    each(text.substr(at, end - at));
  }
}

}  // namespace raptr
