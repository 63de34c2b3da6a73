// SPDX-License-Identifier: Apache-2.0
// A file as memory, for data that is larger than memory: pages come when they are read and go when room is needed. The size
// is taken once. The surprise: a file that somebody shortens while it is mapped ends the process (SIGBUS) when the part
// that is gone is read; no call that could report it takes place.
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
  /// Throws file_error for what cannot be opened and for what is no regular file. An empty file is no bytes.
  explicit mapped_file(const std::filesystem::path& path) {
    const auto file = open_file::reading(path);
    struct stat status {};
    if (::fstat(file.descriptor(), &status) != 0) errors::system_refused("look at", path, errno);
    if (!S_ISREG(status.st_mode)) errors::unexpected(path, "a file that can be mapped", S_ISDIR(status.st_mode) ? "a folder" : "a pipe or a device");
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size > (std::numeric_limits<std::size_t>::max)()) errors::system_refused("map", path, EOVERFLOW);
    if (size == 0) return;  // mmap() refuses no bytes
    void* const at = ::mmap(nullptr, static_cast<std::size_t>(size), PROT_READ, MAP_SHARED, file.descriptor(), 0);
    if (at == MAP_FAILED) errors::system_refused("map", path, errno);
    bytes_ = {static_cast<const std::byte*>(at), static_cast<std::size_t>(size)};
  }
  mapped_file(mapped_file&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  mapped_file& operator=(mapped_file&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~mapped_file() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace raptr
