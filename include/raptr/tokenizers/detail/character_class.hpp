// SPDX-License-Identifier: Apache-2.0
// The classes of characters by which byte-level tokenizers split text. A byte that is not UTF-8 counts as a sign.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <raptr/tokenizers/detail/code_points.hpp>
#include <raptr/tokenizers/tables/gpt2.hpp>

namespace raptr::detail {

enum class character_class : std::uint8_t { sign, letter, number, space };

constexpr character_class searched_class(char32_t c) {
  if (contains(character_tables::letters, c)) return character_class::letter;
  if (contains(character_tables::numbers, c)) return character_class::number;
  return contains(character_tables::spaces, c) ? character_class::space : character_class::sign;
}
inline constexpr auto ascii_classes = [] {
  std::array<character_class, 128> classes{};
  for (char32_t c = 0; c < 128; ++c) classes[c] = searched_class(c);
  return classes;
}();
constexpr character_class class_of(char32_t c) { return c < 128 ? ascii_classes[c] : searched_class(c); }

/// The end of the run of at most `most` characters of `kind` that begins at `at`; `at` if there is none.
constexpr std::size_t end_of_run(std::string_view text, std::size_t at, character_class kind, std::size_t most = std::string_view::npos) {
  for (; at < text.size() && most > 0; --most) {
    const auto next = first_code_point(text.substr(at));
    if (class_of(next.value) != kind) break;
    at += next.length;
  }
  return at;
}

}  // namespace raptr::detail
