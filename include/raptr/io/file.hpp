// SPDX-License-Identifier: Apache-2.0
// Files through POSIX calls, because durability needs fsync and streams hide errors: every call is checked, short and
// interrupted ones continue, and a name is any bytes, UTF-8 or not. A process that ignores SIGXFSZ gets an error at the
// file size limit; by default the system ends it.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <raptr/io/error.hpp>

namespace raptr {

/// The destination of a streaming writer.
template <class S>
concept byte_sink = requires(S& sink, std::span<const std::byte> bytes) {
  sink.write(bytes);
  { sink.path() } -> std::convertible_to<const std::filesystem::path&>;
};

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

namespace detail {

/// Repeats a call that a signal interrupted.
template <class Call> auto again(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

}  // namespace detail

/// An open file or folder; closed by the destructor.
class open_file {
 public:
  static open_file reading(std::filesystem::path path) { return {std::move(path), O_RDONLY, "open"}; }
  /// Creates the file, or truncates an existing one.
  static open_file writing(std::filesystem::path path) { return {std::move(path), O_WRONLY | O_CREAT | O_TRUNC, "create"}; }
  static open_file folder(std::filesystem::path path) { return {std::move(path), O_RDONLY | O_DIRECTORY, "open the folder"}; }

  open_file(open_file&& other) noexcept
      : path_(std::move(other.path_)), written_(other.written_), descriptor_(std::exchange(other.descriptor_, -1)) {}
  open_file& operator=(open_file&& other) noexcept {
    path_.swap(other.path_);
    std::swap(written_, other.written_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~open_file() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  const std::filesystem::path& path() const { return path_; }
  int descriptor() const { return descriptor_; }
  /// Bytes of a regular file; 0 for a pipe.
  std::uint64_t size() const {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) errors::system_refused("stat", path_, errno);
    return S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
  }

  /// Continues after the last read(), with at most out.size() bytes; 0 only at the end of the file.
  std::size_t read(std::span<std::byte> out) {
    const auto got = detail::again([&] { return ::read(descriptor_, out.data(), out.size()); });
    if (got < 0) errors::system_refused("read", path_, errno);
    return static_cast<std::size_t>(got);
  }
  /// Fills `out` from byte `first` on, or throws.
  void read_at(std::uint64_t first, std::span<std::byte> out) const {
    for (std::size_t done = 0; done < out.size();) {
      const auto got = detail::again([&] { return ::pread(descriptor_, out.data() + done, out.size() - done, static_cast<off_t>(first + done)); });
      if (got < 0) errors::system_refused("read", path_, errno);
      if (got == 0) errors::damaged_file(path_, first + done, std::to_string(out.size() - done) + " more bytes", "the end of the file");
      done += static_cast<std::size_t>(got);
    }
  }
  /// Appends all bytes, or throws.
  void write(std::span<const std::byte> bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
      const auto put = detail::again([&] { return ::write(descriptor_, bytes.data() + done, bytes.size() - done); });
      if (put < 0) errors::write_refused(path_, bytes.size(), written_, errno);
      done += static_cast<std::size_t>(put);
      written_ += static_cast<std::uint64_t>(put);
    }
  }
  /// Returns when the bytes are on disk.
  void sync() const {
    if (detail::again([&] { return ::fsync(descriptor_); }) != 0) errors::system_refused("flush to disk", path_, errno);
  }
  /// Like the destructor, but throws on errors that only close() reports (network file systems).
  void close() {
    if (::close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR) errors::system_refused("close", path_, errno);
  }

 private:
  open_file(std::filesystem::path path, int flags, const char* action) : path_(std::move(path)) {
    descriptor_ = detail::again([&] { return ::open(path_.c_str(), flags | O_CLOEXEC, 0666); });
    if (descriptor_ < 0) errors::system_refused(action, path_, errno);
  }

  std::filesystem::path path_;
  std::uint64_t written_ = 0;
  int descriptor_ = -1;
};

/// The folder that holds `path`; "." for a plain name.
inline std::filesystem::path folder_of(const std::filesystem::path& path) { return path.has_parent_path() ? path.parent_path() : "."; }

/// Makes the entries of a folder durable: files created, renamed or removed there. Some file systems cannot flush a
/// folder (EINVAL); they offer nothing stronger, so that is not an error.
inline void sync_folder(const std::filesystem::path& folder) {
  const auto opened = open_file::folder(folder);
  if (detail::again([&] { return ::fsync(opened.descriptor()); }) != 0 && errno != EINVAL) errors::system_refused("flush the folder", folder, errno);
}

/// Creates a folder and its missing parents, each one durable.
inline void make_folders(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (std::filesystem::is_directory(folder, ignored)) return;
  if (folder_of(folder) != folder && folder != ".") make_folders(folder_of(folder));
  if (::mkdir(folder.c_str(), 0777) == 0) return sync_folder(folder_of(folder));
  if (errno != EEXIST) errors::system_refused("make the folder", folder, errno);
  if (!std::filesystem::is_directory(folder, ignored)) errors::system_refused("make the folder", folder, ENOTDIR);
}

/// Reads a whole file or pipe. Throws before allocating when the file is longer than `limit`, and when it ends before the size that
/// it had when it was opened.
inline std::string read_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 40) {
  auto from = open_file::reading(path);
  const std::uint64_t known = from.size();
  if (known > limit) errors::file_too_large(path, known, limit);
  std::string text(static_cast<std::size_t>(known) + 1, '\0');  // one more byte, to see the end without growing
  std::size_t have = 0;
  while (const std::size_t got = from.read(std::as_writable_bytes(std::span(text)).subspan(have))) {
    have += got;
    if (have > limit) errors::file_too_large(path, have, limit);
    if (have == text.size()) text.resize(have + have / 2 + (std::size_t{1} << 16));
  }
  if (have < known) errors::file_became_shorter(path, known, have);
  text.resize(have);
  return text;
}

/// Creates or overwrites a file; durable on return. Not atomic: see replace_file().
inline void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  auto to = open_file::writing(path);
  to.write(bytes);
  to.sync();
  to.close();
}
inline void write_file(const std::filesystem::path& path, std::string_view text) { write_file(path, bytes_of(text)); }

/// The temporary name under which `path` is prepared or removed: .NAME.partial-PID beside it.
inline std::filesystem::path partial_name(const std::filesystem::path& path) {
  return folder_of(path) / ("." + path.filename().native() + ".partial-" + std::to_string(::getpid()));
}

/// Like write_file(), but atomic: a reader of `path`, even after a crash, sees all of the old file or all of the new one.
inline void replace_file(const std::filesystem::path& path, std::string_view text) {
  const auto partial = partial_name(path);
  try {
    write_file(partial, text);
    if (std::rename(partial.c_str(), path.c_str()) != 0) errors::system_refused("rename " + shown(partial) + " to", path, errno);
  } catch (...) {
    ::unlink(partial.c_str());
    throw;
  }
  sync_folder(folder_of(path));
}

}  // namespace raptr
