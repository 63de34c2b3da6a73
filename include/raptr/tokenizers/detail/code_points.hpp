// SPDX-License-Identifier: Apache-2.0
// Reads UTF-8 one code point at a time; sets of code points are sorted tables. Bytes that are not UTF-8 are read one by
// one, as U+FFFD of length 1, so that a caller that keeps the bytes loses nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <raptr/base/utf8.hpp>

namespace raptr {

struct code_point_range {
  char32_t first, last;
};
struct code_point_pair {
  char32_t from, to;
};

/// ranges: ascending, not overlapping.
constexpr bool contains(std::span<const code_point_range> ranges, char32_t c) {
  const auto after = std::ranges::upper_bound(ranges, c, {}, &code_point_range::first);
  return after != ranges.begin() && c <= std::prev(after)->last;
}

struct code_point {
  char32_t value = 0xfffd;
  std::size_t length = 1;  // bytes
};

namespace detail {

/// first_code_point() beyond ASCII: apart, so that the common case is small enough to be inlined wherever it is called.
constexpr code_point first_long_code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[i])); };
  switch (utf8_length(text)) {
    case 2:
      return {(byte(0) & 0x1f) << 6 | (byte(1) & 0x3f), 2};
    case 3:
      return {(byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f), 3};
    case 4:
      return {(byte(0) & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f), 4};
    default:
      return {};
  }
}

}  // namespace detail

/// The code point that `text`, which is not empty, begins with.
constexpr code_point first_code_point(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  return first < 0x80 ? code_point{first, 1} : detail::first_long_code_point(text);
}

/// Appends a code point as UTF-8. c: at most U+10FFFF and not a surrogate.
constexpr void append_utf8(std::string& text, char32_t c) {
  const auto put = [&](char32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
  const auto rest = [&](int shift) { put(0x80 | (c >> shift & 0x3f)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xc0 | c >> 6), rest(0);
  if (c < 0x10000) return put(0xe0 | c >> 12), rest(6), rest(0);
  put(0xf0 | c >> 18), rest(12), rest(6), rest(0);
}

}  // namespace raptr
