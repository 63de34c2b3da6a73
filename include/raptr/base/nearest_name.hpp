// SPDX-License-Identifier: Apache-2.0
// The name that was probably meant, for the messages about names that do not exist.
#pragma once

#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace raptr {

/// Levenshtein distance: letters to insert, remove or replace.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t corner = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = corner + (a[i] != b[j]);
      corner = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, corner + 1});
    }
  }
  return row.back();
}

/// A name that begins with `given` is nearer than any other; the case of `given` is ignored. `names` must not be empty.
inline std::string_view nearest_name(std::string_view given, const std::vector<std::string_view>& names) {
  std::string wanted(given.substr(0, 64));
  for (char& c : wanted)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const auto distance = [&](std::string_view name) { return edit_distance(wanted, name) + (!wanted.empty() && name.starts_with(wanted) ? 0 : 100); };
  return *std::ranges::min_element(names, {}, distance);
}

}  // namespace raptr
