// SPDX-License-Identifier: Apache-2.0
// The byte alphabet of byte-level tokenizer files: each of the 256 bytes is written as a printable character, the space as
// Ġ, so that a token is always one word of UTF-8 [gpt2].
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <raptr/tokenizers/detail/code_points.hpp>

namespace raptr {

namespace detail {

/// Printable Latin-1 maps to itself; the other bytes, in order, to U+0100 and up.
inline constexpr auto byte_characters = [] {
  std::array<char32_t, 256> characters{};
  char32_t next = 256;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
    characters[byte] = printable ? byte : next++;
  }
  return characters;
}();
inline constexpr auto bytes_of_characters = [] {
  std::array<int, 324> bytes{};
  bytes.fill(-1);
  for (int byte = 0; byte < 256; ++byte) bytes[byte_characters[static_cast<std::size_t>(byte)]] = byte;
  return bytes;
}();

/// All bytes in the order of their characters, which is that of their ids in GPT-2.
inline std::vector<unsigned char> bytes_in_order() {
  std::vector<unsigned char> order;
  for (const int byte : bytes_of_characters)
    if (byte >= 0) order.push_back(static_cast<unsigned char>(byte));
  return order;
}

}  // namespace detail

inline std::string spell_bytes(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) append_utf8(text, detail::byte_characters[static_cast<unsigned char>(byte)]);
  return text;
}
/// The inverse of spell_bytes(); nullopt if a character is not in the alphabet.
inline std::optional<std::string> bytes_spelled(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const auto next = first_code_point(text);
    if (next.value >= detail::bytes_of_characters.size() || detail::bytes_of_characters[next.value] < 0) return {};
    bytes += static_cast<char>(static_cast<unsigned char>(detail::bytes_of_characters[next.value]));
    text.remove_prefix(next.length);
  }
  return bytes;
}

}  // namespace raptr
