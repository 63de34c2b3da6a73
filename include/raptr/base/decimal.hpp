// SPDX-License-Identifier: Apache-2.0
// Numbers in messages, with a decimal point in every locale: printf, std::to_string and streams would write "0,5" if the
// user's program has set a locale that does. Not for files of numbers: the JSON writer has its own formatting.
#pragma once

#include <charconv>
#include <string>

namespace raptr {

/// The shortest text that parses back to x, without an exponent unless x is tiny or huge.
inline std::string decimal_text(double x) {
  char digits[64];
  const double size = x < 0 ? -x : x;
  const auto [end, problem] = size >= 1e-9 && size < 1e15 ? std::to_chars(digits, digits + sizeof digits, x, std::chars_format::fixed)
                                                          : std::to_chars(digits, digits + sizeof digits, x);
  return std::string(digits, end);
}
/// As printf writes it with precision `digits`.
inline std::string decimal_text(double x, std::chars_format format, int digits) {
  char text[400];  // the largest double has 309 digits before the point
  return std::string(text, std::to_chars(text, text + sizeof text, x, format, digits).ptr);
}

}  // namespace raptr
