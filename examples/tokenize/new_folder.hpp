// SPDX-License-Identifier: Apache-2.0
// A folder that appears whole or not at all: its files are written into .NAME.partial-PID beside it, and one rename at the
// end gives it the name. What a run that died has left is removed by the next one for the same name.
#pragma once

#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <raptr/io/folder.hpp>

namespace program {

namespace errors {
[[noreturn]] inline void folder_exists(const std::filesystem::path& folder) {
  raptr::fail(raptr::shown(folder) + " exists already and is no empty folder: give another folder as --out");
}
}  // namespace errors

class new_folder {
 public:
  explicit new_folder(const std::filesystem::path& name)
      : name_(name.has_filename() ? name : name.parent_path()), partial_(raptr::partial_name(name_)) {
    std::error_code ignored;
    const bool empty = std::filesystem::is_directory(name_, ignored) && std::filesystem::is_empty(name_, ignored);
    if (std::filesystem::exists(std::filesystem::symlink_status(name_, ignored)) && !empty) errors::folder_exists(name_);
    raptr::make_folders(raptr::folder_of(name_));
    remove_left_ones();
    if (::mkdir(partial_.c_str(), 0777) != 0) raptr::errors::system_refused("make the folder", partial_, errno);
    lock_ = raptr::open_file::folder(partial_);
    (void)::flock(lock_->descriptor(), LOCK_EX | LOCK_NB);  // tells others that this one is not left
  }
  new_folder(const new_folder&) = delete;
  new_folder& operator=(const new_folder&) = delete;
  ~new_folder() {
    std::error_code ignored;
    if (!committed_) std::filesystem::remove_all(partial_, ignored);
  }

  /// Where the files are written.
  const std::filesystem::path& path() const { return partial_; }
  /// Durable on return.
  void commit() {
    raptr::sync_folder(partial_);
    if (std::rename(partial_.c_str(), name_.c_str()) != 0) {
      if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) errors::folder_exists(name_);
      raptr::errors::system_refused("rename " + raptr::shown(partial_) + " to", name_, errno);
    }
    committed_ = true;
    raptr::sync_folder(raptr::folder_of(name_));
  }

 private:
  void remove_left_ones() const {
    const std::string begin = "." + name_.filename().native() + ".partial-";
    std::error_code ignored;
    std::vector<std::filesystem::path> left;
    for (std::filesystem::directory_iterator at(raptr::folder_of(name_), ignored), end; !ignored && at != end; at.increment(ignored))
      if (const std::string file = at->path().filename().native(); raptr::is_partial_name(file) && file.starts_with(begin))
        left.push_back(at->path());
    for (const auto& folder : left) {
      if (!std::filesystem::is_directory(std::filesystem::symlink_status(folder, ignored))) continue;
      const auto opened = raptr::open_file::folder(folder);
      if (::flock(opened.descriptor(), LOCK_EX | LOCK_NB) == 0) std::filesystem::remove_all(folder, ignored);
    }
  }

  std::filesystem::path name_, partial_;
  std::optional<raptr::open_file> lock_;
  bool committed_ = false;
};

}  // namespace program
