// SPDX-License-Identifier: Apache-2.0
// Atomic folders for checkpoints: the files are written into a temporary sibling and flushed, the manifest last; then one
// rename publishes the folder (io/partial_folder.hpp). Readers see all of it or nothing.
#pragma once

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <raptr/io/checksum.hpp>
#include <raptr/io/file.hpp>
#include <raptr/io/manifest.hpp>
#include <raptr/io/partial_folder.hpp>

namespace raptr {

/// Removes a finished folder. It is renamed first, so that no half-removed checkpoint is ever seen.
inline void remove_folder(const std::filesystem::path& folder) {
  const auto partial = partial_name(folder);
  detail::remove_tree(partial);
  if (std::rename(folder.c_str(), partial.c_str()) != 0) errors::system_refused("rename to " + shown(partial) + " the folder", folder, errno);
  sync_folder(folder_of(folder));
  detail::remove_tree(partial);
}

/// A file of an atomic_folder that is being written.
class recorded_file {
 public:
  explicit recorded_file(const std::filesystem::path& path) : file_(open_file::writing(path)) {}
  const std::filesystem::path& path() const { return file_.path(); }
  void write(std::span<const std::byte> bytes) {
    file_.write(bytes);
    sums_.add(bytes);
  }
  void write(std::string_view text) { write(bytes_of(text)); }
  /// Returns when all data is on disk.
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
/// An exception or a missing commit() leaves the old state: the destructor removes the temporary folder.
class atomic_folder {
 public:
  /// final_path: the folder to create; its parent must exist (see make_folders()). run: the id for the manifest, or none. Throws when
  /// another writer is using it.
  explicit atomic_folder(const std::filesystem::path& final_path, std::string run = "") : folder_(final_path), run_(std::move(run)) {}

  const std::filesystem::path& final_path() const { return folder_.final_path(); }
  /// Where the files are until commit().
  const std::filesystem::path& partial_path() const { return folder_.path(); }

  /// Creates the file `name`, calls fill(file) to write it, records its checksums and flushes it to disk.
  template <std::invocable<recorded_file&> Fill> void write(std::string_view name, Fill&& fill) {
    for (const auto& one : files_)
      if (one.name == name) errors::wrong_file_name(final_path(), name);
    if (!detail::can_name_file(name)) errors::wrong_file_name(final_path(), name);
    recorded_file file(partial_path() / name);
    fill(file);
    files_.push_back(file.finish());
  }
  void write(std::string_view name, std::string_view text) {
    write(name, [&](recorded_file& file) { file.write(text); });
  }

  /// Writes the manifest and publishes the folder; durable on return. An existing folder of that name (an incomplete one,
  /// or from a run that is now repeated) is exchanged atomically where the system supports it, and removed afterwards.
  void commit() {
    write_file(partial_path() / manifest_name, manifest_text(files_, run_));
    if (!folder_.publish()) folder_.replace();
  }

 private:
  partial_folder folder_;
  std::string run_;
  std::vector<file_record> files_;
};

}  // namespace raptr
