// SPDX-License-Identifier: Apache-2.0
// Lists a folder, sorted by the bytes of the names, so that the order does not depend on the file system.
#pragma once

#include <algorithm>
#include <concepts>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include <raptr/io/error.hpp>

namespace raptr::detail {

struct listed_folder {
  std::vector<std::filesystem::path> wanted, others;
};

/// wanted: the entries that are not folders and whose name, without the folder, is_wanted. Throws file_error.
template <std::predicate<const std::string&> Wanted> listed_folder list_folder(const std::filesystem::path& folder, Wanted is_wanted) {
  listed_folder found;
  std::error_code code;
  for (std::filesystem::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
    std::error_code ignored;
    const std::string name = at->path().filename().native();
    (is_wanted(name) && !at->is_directory(ignored) ? found.wanted : found.others).push_back(at->path());
  }
  if (code) errors::system_refused("list the folder", folder, code.value());
  for (auto* const list : {&found.wanted, &found.others})
    std::ranges::sort(*list, [](const auto& a, const auto& b) { return a.native() < b.native(); });
  return found;
}

}  // namespace raptr::detail
