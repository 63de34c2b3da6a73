// SPDX-License-Identifier: Apache-2.0
// A checkpoint appears whole or not at all: its files are written into a temporary sibling, flushed, the manifest comes
// last, then one rename gives the folder its name. A run that dies leaves at most .NAME.partial-PID, which the next one
// removes; a lock that dies with its process tells a dead run's folder from one that is being written.
#pragma once

#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <raptr/io/checksum.hpp>
#include <raptr/io/file.hpp>
#include <raptr/io/manifest.hpp>

namespace raptr {

/// True for .NAME.partial-DIGITS.
inline bool is_partial_name(std::string_view name) {
  const auto mark = name.rfind(".partial-");
  if (!name.starts_with('.') || mark == name.npos || mark == 0) return false;
  const auto process = name.substr(mark + 9);
  return !process.empty() && process.find_first_not_of("0123456789") == process.npos;
}

namespace detail {

/// Takes the lock that a writer holds as long as it lives; false when another one holds it. A file system without
/// locks has no writers that could be told apart.
inline bool lock_folder(const open_file& folder) { return ::flock(folder.descriptor(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; }

inline void remove_tree(const std::filesystem::path& path) {
  std::error_code code;
  std::filesystem::remove_all(path, code);
  if (code) errors::system_refused("remove", path, code.value());
}

}  // namespace detail

/// Removes what dead runs left in `parent`: .NAME.partial-PID. Leaves alone what a living process is writing.
/// Returns how many were removed.
inline int remove_partial_folders(const std::filesystem::path& parent) {
  std::vector<std::filesystem::path> found;
  std::error_code code;
  for (std::filesystem::directory_iterator at(parent, code), end; !code && at != end; at.increment(code))
    if (is_partial_name(at->path().filename().native())) found.push_back(at->path());
  if (code) errors::system_refused("list the folder", parent, code.value());
  int removed = 0;
  for (const auto& path : found) {
    std::optional<open_file> folder;
    if (std::filesystem::is_directory(std::filesystem::symlink_status(path, code))) folder = open_file::folder(path);
    if (folder && !detail::lock_folder(*folder)) continue;
    detail::remove_tree(path);
    ++removed;
  }
  return removed;
}

/// Removes a finished folder: first it loses its name, so that no half-removed checkpoint is ever seen.
inline void remove_folder(const std::filesystem::path& folder) {
  const auto partial = partial_name(folder);
  detail::remove_tree(partial);
  if (std::rename(folder.c_str(), partial.c_str()) != 0) errors::system_refused("rename to " + shown(partial) + " the folder", folder, errno);
  sync_folder(folder_of(folder));
  detail::remove_tree(partial);
}

/// A file of an atomic_folder while it is written.
class recorded_file {
 public:
  explicit recorded_file(const std::filesystem::path& path) : file_(open_file::writing(path)) {}
  const std::filesystem::path& path() const { return file_.path(); }
  void write(std::span<const std::byte> bytes) {
    file_.write(bytes);
    sums_.add(bytes);
  }
  void write(std::string_view text) { write(bytes_of(text)); }
  /// Returns when all is on the disk.
  file_record finish() {
    file_.sync();
    file_.close();
    return {path().filename().native(), sums_.bytes(), sums_.sums()};
  }

 private:
  open_file file_;
  block_checksums sums_;
};

/// Usage:
///   atomic_folder to("run/step-000120");
///   to.write("state.json", json_text(state));
///   to.write("model.safetensors", [&](recorded_file& out) { safetensors_writer file(out, plan); ... file.finish(); });
///   to.commit();
/// Whatever throws on the way, or a missing commit(), leaves the old state: the destructor removes the temporary.
class atomic_folder {
 public:
  /// final_path: the folder to be; its parent must exist (see make_folders()). Throws when another live writer is at it.
  explicit atomic_folder(const std::filesystem::path& final_path)
      : final_(final_path.has_filename() ? final_path : final_path.parent_path()), partial_(partial_name(final_)), lock_(make(partial_)) {}
  atomic_folder(const atomic_folder&) = delete;
  atomic_folder& operator=(const atomic_folder&) = delete;
  ~atomic_folder() {
    std::error_code ignored;
    if (!committed_) std::filesystem::remove_all(partial_, ignored);
  }

  const std::filesystem::path& final_path() const { return final_; }
  /// Where the files lie until commit().
  const std::filesystem::path& partial_path() const { return partial_; }

  /// Makes the file `name` from what `fill` writes into it, with its checksums, flushed to disk.
  template <std::invocable<recorded_file&> Fill> void write(std::string_view name, Fill&& fill) {
    for (const auto& one : files_)
      if (one.name == name) errors::wrong_file_name(final_, name);
    if (!detail::can_name_file(name)) errors::wrong_file_name(final_, name);
    recorded_file file(partial_ / name);
    fill(file);
    files_.push_back(file.finish());
  }
  void write(std::string_view name, std::string_view text) {
    write(name, [&](recorded_file& file) { file.write(text); });
  }

  /// Writes the manifest and gives the folder its name; durable on return. A folder that had the name (a torn one, or
  /// that of a run which is now repeated) is exchanged in one step where the system can, and removed only then.
  void commit() {
    write_file(partial_ / manifest_name, manifest_text(files_));
    sync_folder(partial_);
    if (std::rename(partial_.c_str(), final_.c_str()) == 0) {
      committed_ = true;
      sync_folder(folder_of(final_));
    } else if (errno == ENOTEMPTY || errno == EEXIST) {
      exchange();
    } else {
      errors::system_refused("rename " + shown(partial_) + " to", final_, errno);
    }
  }

 private:
  static open_file make(const std::filesystem::path& partial) {
    if (::mkdir(partial.c_str(), 0777) != 0) {
      if (errno != EEXIST) errors::system_refused("make the folder", partial, errno);
      // A dead process had our number.
      if (!detail::lock_folder(open_file::folder(partial))) errors::folder_in_use(partial);
      detail::remove_tree(partial);
      if (::mkdir(partial.c_str(), 0777) != 0) errors::system_refused("make the folder", partial, errno);
    }
    auto lock = open_file::folder(partial);
    if (!detail::lock_folder(lock)) errors::folder_in_use(partial);
    return lock;
  }

  void exchange() {
    std::filesystem::path old = partial_;
#ifdef RENAME_EXCHANGE
    const bool swapped = ::renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, final_.c_str(), RENAME_EXCHANGE) == 0;
#else
    const bool swapped = false;
#endif
    if (!swapped) {  // two renames: in between, neither has the name
      old = folder_of(final_) / (".old-" + final_.filename().native() + ".partial-" + std::to_string(::getpid()));
      detail::remove_tree(old);
      if (std::rename(final_.c_str(), old.c_str()) != 0) errors::system_refused("rename to " + shown(old) + " the folder", final_, errno);
      if (std::rename(partial_.c_str(), final_.c_str()) != 0) {
        const int code = errno;
        std::rename(old.c_str(), final_.c_str());
        errors::system_refused("rename " + shown(partial_) + " to", final_, code);
      }
    }
    committed_ = true;
    sync_folder(folder_of(final_));
    detail::remove_tree(old);
  }

  std::filesystem::path final_, partial_;
  open_file lock_;
  std::vector<file_record> files_;
  bool committed_ = false;
};

}  // namespace raptr
