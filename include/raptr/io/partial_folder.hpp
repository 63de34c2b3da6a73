// SPDX-License-Identifier: Apache-2.0
// A folder that appears atomically: it is prepared under a temporary name beside its final one, and one rename publishes it.
// A process that dies leaves at most .NAME.partial-PID, which the next one removes; a lock that is released with its process
// distinguishes abandoned folders from those being written.
#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <raptr/io/folder_lock.hpp>

namespace raptr {

/// True for .NAME.partial-DIGITS.
inline bool is_partial_name(std::string_view name) {
  const auto mark = name.rfind(".partial-");
  if (!name.starts_with('.') || mark == name.npos || mark == 0) return false;
  const auto process = name.substr(mark + 9);
  return !process.empty() && process.find_first_not_of("0123456789") == process.npos;
}

namespace detail {

inline void remove_tree(const std::filesystem::path& path) {
  std::error_code code;
  std::filesystem::remove_all(path, code);
  if (code) errors::system_refused("remove", path, code.value());
}

}  // namespace detail

/// Removes the folders and files .NAME.partial-PID that dead processes left in `parent`, of all names or of one. Keeps folders
/// that a live process is writing; files have no lock, so no other process may be writing one there. Returns the number removed.
inline int remove_partials(const std::filesystem::path& parent, const std::string& of_name = "") {
  const std::string begin = "." + of_name + ".partial-";
  std::vector<std::filesystem::path> found;
  std::error_code code;
  for (std::filesystem::directory_iterator at(parent, code), end; !code && at != end; at.increment(code))
    if (const std::string file = at->path().filename().native(); is_partial_name(file) && (of_name.empty() || file.starts_with(begin)))
      found.push_back(at->path());
  if (code) errors::system_refused("list the folder", parent, code.value());
  int removed = 0;
  for (const auto& path : found) {
    std::optional<folder_lock> lock;
    if (std::filesystem::is_directory(std::filesystem::symlink_status(path, code)) && !(lock = folder_lock::attempt(path))) continue;
    detail::remove_tree(path);
    ++removed;
  }
  return removed;
}

/// The temporary folder .NAME.partial-PID beside its final path NAME. Locked during its lifetime; the destructor removes it
/// unless it was published.
class partial_folder {
 public:
  /// final_path: its parent must exist (see make_folders()). Throws when another writer is using it.
  explicit partial_folder(const std::filesystem::path& final_path)
      : final_(final_path.has_filename() ? final_path : final_path.parent_path()), path_(partial_name(final_)), lock_(make(path_)) {}
  partial_folder(const partial_folder&) = delete;
  partial_folder& operator=(const partial_folder&) = delete;
  ~partial_folder() {
    std::error_code ignored;
    if (!published_) std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& final_path() const { return final_; }
  /// Where the files are until they are published.
  const std::filesystem::path& path() const { return path_; }

  /// Renames the folder to its final name; durable on return. False if a non-empty folder has that name.
  [[nodiscard]] bool publish() {
    sync_folder(path_);
    if (std::rename(path_.c_str(), final_.c_str()) != 0) {
      if (errno == ENOTEMPTY || errno == EEXIST) return false;
      errors::system_refused("rename " + shown(path_) + " to", final_, errno);
    }
    published_ = true;
    sync_folder(folder_of(final_));
    return true;
  }
  /// Hands over the lock, so that the published folder stays locked. At most once.
  folder_lock take_lock() { return std::move(lock_); }
  /// Replaces the existing folder of that name, atomically where the system supports it. The old one is removed afterwards.
  void replace() {
    std::filesystem::path old = path_;
#ifdef RENAME_EXCHANGE
    const bool swapped = ::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, final_.c_str(), RENAME_EXCHANGE) == 0;
#else
    const bool swapped = false;
#endif
    if (!swapped) {  // two renames: in between, no folder has the name
      old = folder_of(final_) / (".old-" + final_.filename().native() + ".partial-" + std::to_string(::getpid()));
      detail::remove_tree(old);
      if (std::rename(final_.c_str(), old.c_str()) != 0) errors::system_refused("rename to " + shown(old) + " the folder", final_, errno);
      if (std::rename(path_.c_str(), final_.c_str()) != 0) {
        const int code = errno;
        (void)std::rename(old.c_str(), final_.c_str());
        errors::system_refused("rename " + shown(path_) + " to", final_, code);
      }
    }
    published_ = true;
    sync_folder(folder_of(final_));
    detail::remove_tree(old);
  }

 private:
  static folder_lock make(const std::filesystem::path& partial) {
    if (::mkdir(partial.c_str(), 0777) != 0) {
      if (errno != EEXIST) errors::system_refused("make the folder", partial, errno);
      // A dead process had the same process id.
      if (!folder_lock::attempt(partial)) errors::folder_in_use(partial);
      detail::remove_tree(partial);
      if (::mkdir(partial.c_str(), 0777) != 0) errors::system_refused("make the folder", partial, errno);
    }
    auto lock = folder_lock::attempt(partial);
    if (!lock) errors::folder_in_use(partial);
    return std::move(*lock);
  }

  std::filesystem::path final_, path_;
  folder_lock lock_;
  bool published_ = false;
};

/// A partial_folder whose parent is created if it does not exist, after what dead processes left of that name is removed.
/// final_path has a file name.
inline partial_folder new_partial_folder(const std::filesystem::path& final_path) {
  make_folders(folder_of(final_path));
  (void)remove_partials(folder_of(final_path), final_path.filename().native());
  return partial_folder(final_path);
}

}  // namespace raptr
