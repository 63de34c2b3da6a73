// SPDX-License-Identifier: Apache-2.0
// Numbers for people and for SVG, with a decimal point in every locale.
#pragma once

#include <cmath>
#include <cstdint>

#include <raptr/base/decimal.hpp>

namespace raptr {

inline std::string fixed_text(double x, int digits) { return std::isfinite(x) ? decimal_text(x, std::chars_format::fixed, digits) : "-"; }
inline std::string short_text(double x, int digits = 3) { return std::isfinite(x) ? decimal_text(x, std::chars_format::general, digits) : "-"; }
/// 1234567 -> 1,234,567.
inline std::string count_text(std::int64_t n) {
  std::string text = std::to_string(n);
  for (std::size_t at = text.size(); at > 3 + (n < 0 ? 1U : 0U);) text.insert(at -= 3, 1, ',');
  return text;
}
namespace detail {
inline constexpr const char* prefixes[] = {"", " k", " M", " G", " T", " P", " E"};
}
/// 1.234e13 -> "12.3 T".
inline std::string scaled_text(double x) {
  int k = 0;
  while (x >= 999.5 && k < 6) x /= 1000, ++k;
  return fixed_text(x, x >= 99.5 || k == 0 ? 0 : x >= 9.95 ? 1 : 2) + detail::prefixes[k];
}
/// For the ticks of an axis that ends at `most`, all with one prefix: 5e12 of 1.6e13 -> "5 T", 1000 of 5000 -> "1000".
inline std::string tick_text(double x, double most) {
  int k = 0;
  for (; most >= 9999.5 && k < 6; ++k) x /= 1000, most /= 1000;
  return short_text(x, 5) + (x > 0 ? detail::prefixes[k] : "");
}
inline std::string bytes_text(double bytes) {
  static constexpr const char* units[] = {" B", " KiB", " MiB", " GiB", " TiB"};
  int k = 0;
  while (bytes >= 1023.5 && k < 4) bytes /= 1024, ++k;
  return fixed_text(bytes, bytes >= 99.5 || k == 0 ? 0 : 1) + units[k];
}
inline std::string percent_text(double share, int digits = 1) { return fixed_text(100 * share, digits) + " %"; }
inline std::string duration_text(double seconds) {
  if (!(seconds < 1e9)) return "-";
  if (seconds < 0.9995) return fixed_text(1000 * seconds, seconds < 0.00995 ? 1 : 0) + " ms";
  const auto s = static_cast<std::int64_t>(seconds + 0.5);
  if (s < 60) return (seconds < 9.95 ? fixed_text(seconds, 1) : std::to_string(s)) + " s";
  if (s < 3600) return std::to_string(s / 60) + " min " + std::to_string(s % 60) + " s";
  return std::to_string(s / 3600) + " h " + std::to_string(s % 3600 / 60) + " min";
}

}  // namespace raptr
