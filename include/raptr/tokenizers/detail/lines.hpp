// SPDX-License-Identifier: Apache-2.0
// Reads files whose line numbers are ids or ranks. A byte that only some readers take for a line end is rejected, because
// the numbers would depend on the reader.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <raptr/io/file.hpp>

namespace raptr::detail {

/// Calls each(number, line) for every line, from number 1, without its end: "\n", "\r\n" or the end of the file.
/// Throws file_error for a byte order mark, which would be part of the first line, and for "\r" within a line.
template <std::invocable<std::int64_t, std::string_view> Each> void read_lines(const std::filesystem::path& file, Each&& each) {
  const auto text = read_file(file, std::uint64_t{1} << 30);
  if (text.starts_with("\xef\xbb\xbf")) errors::damaged_file(file, 0, "a file without byte order mark", "ef bb bf");
  std::int64_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = (std::min)(text.find('\n', at), text.size());
    auto line = std::string_view(text).substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (const auto inside = line.find('\r'); inside != line.npos)
      errors::damaged_file(file, at + inside, "lines that end with \\n or \\r\\n", "\\r alone in line " + std::to_string(number + 1));
    each(++number, line);
    at = end + 1;
  }
}

}  // namespace raptr::detail
