// SPDX-License-Identifier: Apache-2.0
// An exclusive lock on a folder, released whenever its process ends: it distinguishes a folder in use from one that a dead
// process left behind. On a file system without locks every attempt succeeds.
#pragma once

#include <sys/file.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <utility>

#include <raptr/io/file.hpp>

namespace raptr {

class folder_lock {
 public:
  /// Empty if another process holds the lock. Throws file_error if the folder cannot be opened or locked.
  static std::optional<folder_lock> attempt(const std::filesystem::path& folder) {
    open_file file = open_file::folder(folder);
    if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return std::nullopt;
      if (errno != ENOLCK && errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL) errors::system_refused("lock", folder, errno);
    }
    return folder_lock(std::move(file));
  }

 private:
  explicit folder_lock(open_file folder) : folder_(std::move(folder)) {}
  open_file folder_;
};

}  // namespace raptr
