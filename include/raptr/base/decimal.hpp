// SPDX-License-Identifier: Apache-2.0
// Numbers in sentences, with a point whatever the locale of the program says: printf, std::to_string and streams would write
// "0,5" where the user's program has set a language that does. Not for files of numbers: the JSON writer has its own.
#pragma once

#include <charconv>
#include <string>

namespace raptr {

/// The shortest decimals that read as x, without an exponent where x is neither tiny nor huge.
inline std::string decimal_text(double x) {
  char digits[64];
  const double size = x < 0 ? -x : x;
  const auto [end, problem] = size >= 1e-9 && size < 1e15 ? std::to_chars(digits, digits + sizeof digits, x, std::chars_format::fixed)
                                                          : std::to_chars(digits, digits + sizeof digits, x);
  return std::string(digits, end);
}
/// As printf writes it with so many digits after the point.
inline std::string decimal_text(double x, std::chars_format format, int digits) {
  char text[400];  // the largest double has 309 digits before the point
  return std::string(text, std::to_chars(text, text + sizeof text, x, format, digits).ptr);
}

}  // namespace raptr
