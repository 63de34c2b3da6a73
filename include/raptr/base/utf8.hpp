// SPDX-License-Identifier: Apache-2.0
// Bytes that may or may not be UTF-8: file names, text, tensor names. Nothing here changes bytes; shown() makes them
// safe to print, because a name may hold a line end, an escape sequence or bytes that are not UTF-8.
#pragma once

#include <concepts>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace raptr {

/// Length of the UTF-8 sequence that `bytes` begins with, 1 to 4; 0 when it is invalid (overlong forms, surrogates and
/// values above U+10FFFF included) or when `bytes` is empty.
constexpr std::size_t utf8_length(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U; };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) { return at(i) >= low && at(i) <= high; };
  if (bytes.empty()) return 0;
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) return follows(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf) && follows(2) ? 3 : 0;
  if (lead >= 0xf0 && lead <= 0xf4) return follows(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf) && follows(2) && follows(3) ? 4 : 0;
  return 0;
}

/// Offset of the first byte that is not part of a UTF-8 sequence; bytes.size() when all are.
constexpr std::size_t first_not_utf8(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t length = utf8_length(bytes.substr(at));
    if (length == 0) break;
    at += length;
  }
  return at;
}
constexpr bool is_utf8(std::string_view bytes) { return first_not_utf8(bytes) == bytes.size(); }

/// For messages: control characters and bytes that are not UTF-8 become \xNN; the middle of long names is elided.
inline std::string shown(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  constexpr std::size_t most = 400;
  if (bytes.size() > most) return shown(bytes.substr(0, most / 2)) + "..." + shown(bytes.substr(bytes.size() - most / 2));
  std::string text;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = utf8_length(bytes.substr(at));
    const auto byte = static_cast<unsigned char>(bytes[at]);
    // U+0080 to U+009F are control characters too: c2 80 to c2 9f.
    const bool control = byte < 0x20 || byte == 0x7f || (length == 2 && byte == 0xc2 && static_cast<unsigned char>(bytes[at + 1]) < 0xa0);
    if (length > 0 && !control) {
      text += bytes.substr(at, length);
      at += length;
    } else {
      text += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
      ++at;
    }
  }
  return text;
}
template <std::same_as<std::filesystem::path> Path> std::string shown(const Path& path) { return shown(std::string_view(path.native())); }

}  // namespace raptr
