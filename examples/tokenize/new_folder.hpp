// SPDX-License-Identifier: Apache-2.0
// Creates the output folder, which appears complete or not at all. Leftovers of a killed run are removed first.
#pragma once

#include <filesystem>
#include <system_error>

#include <raptr/io/partial_folder.hpp>

namespace program {

namespace errors {
[[noreturn]] inline void folder_exists(const std::filesystem::path& folder) {
  raptr::fail(raptr::shown(folder) + " exists already and is not an empty folder: give another folder as --out");
}
}  // namespace errors

class new_folder {
 public:
  explicit new_folder(const std::filesystem::path& name) : folder_(raptr::new_partial_folder(checked(name))) {}

  /// Where the files are written.
  const std::filesystem::path& path() const { return folder_.path(); }
  /// Durable on return.
  void commit() {
    if (!folder_.publish()) errors::folder_exists(folder_.final_path());
  }

 private:
  static std::filesystem::path checked(const std::filesystem::path& given) {
    auto name = given.has_filename() ? given : given.parent_path();
    std::error_code ignored;
    const bool empty = std::filesystem::is_directory(name, ignored) && std::filesystem::is_empty(name, ignored);
    if (std::filesystem::exists(std::filesystem::symlink_status(name, ignored)) && !empty) errors::folder_exists(name);
    return name;
  }

  raptr::partial_folder folder_;
};

}  // namespace program
