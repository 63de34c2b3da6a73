// SPDX-License-Identifier: Apache-2.0
// A memory-mapped file, for data larger than memory: pages are loaded on access and evicted when memory is needed. The size
// is read once. The surprise: if the file is truncated while it is mapped, reading the missing part ends the process
// (SIGBUS), and the rest of the last page reads as zeros: see expect_whole().
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <utility>

#include <raptr/io/file.hpp>

namespace raptr {

class mapped_file {
 public:
  /// Throws file_error if the file cannot be opened or is not a regular file. An empty file gives an empty span.
  explicit mapped_file(const std::filesystem::path& path) {
    const auto file = open_file::reading(path);
    struct stat status {};
    if (::fstat(file.descriptor(), &status) != 0) errors::system_refused("stat", path, errno);
    if (!S_ISREG(status.st_mode)) errors::unexpected(path, "a regular file", S_ISDIR(status.st_mode) ? "a folder" : "a pipe or a device");
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size > (std::numeric_limits<std::size_t>::max)()) errors::system_refused("map", path, EOVERFLOW);
    if (size == 0) return;  // mmap() rejects length 0
    void* const at = ::mmap(nullptr, static_cast<std::size_t>(size), PROT_READ, MAP_SHARED, file.descriptor(), 0);
    if (at == MAP_FAILED) errors::system_refused("map", path, errno);
    bytes_ = {static_cast<const std::byte*>(at), static_cast<std::size_t>(size)};
    device_ = status.st_dev, inode_ = status.st_ino;
  }
  mapped_file(mapped_file&& other) noexcept : bytes_(std::exchange(other.bytes_, {})), device_(other.device_), inode_(other.inode_) {}
  mapped_file& operator=(mapped_file&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    device_ = other.device_, inode_ = other.inode_;
    return *this;
  }
  ~mapped_file() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }

  std::span<const std::byte> bytes() const { return bytes_; }
  /// Throws file_error if the file, which is still found as `path`, has become shorter. One that was replaced or removed stays as it
  /// was mapped. No open descriptor is needed, so that any number of files can be mapped.
  void expect_whole(const std::filesystem::path& path) const {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || status.st_dev != device_ || status.st_ino != inode_) return;
    if (const auto size = static_cast<std::uint64_t>(status.st_size); size < bytes_.size()) errors::file_became_shorter(path, bytes_.size(), size);
  }

 private:
  std::span<const std::byte> bytes_;
  dev_t device_{};
  ino_t inode_{};
};

}  // namespace raptr
