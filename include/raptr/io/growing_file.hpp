// SPDX-License-Identifier: Apache-2.0
// An append-only log. Bytes that could not be written stay in memory until the next flush, and a failed flush is undone, so
// the file never ends within a line.
#pragma once

#include <raptr/io/file.hpp>

namespace raptr {

class growing_file {
 public:
  /// Creates the file, or truncates the existing one to its first `keep` bytes.
  growing_file(std::filesystem::path file, std::uint64_t keep) : file_(std::move(file)), size_(keep) {
    descriptor_ = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) errors::system_refused("open", file_, errno);
    if (const int code = cut(); code != 0) {
      ::close(descriptor_);
      errors::system_refused("truncate to " + std::to_string(keep) + " bytes", file_, code);
    }
  }
  growing_file(const growing_file&) = delete;
  growing_file& operator=(const growing_file&) = delete;
  ~growing_file() { ::close(descriptor_); }

  /// To be written by the next flush().
  void add(const std::string& bytes) { waiting_ += bytes; }
  /// Throws file_error; the pending bytes are kept.
  void flush() {
    std::size_t done = 0;
    while (done < waiting_.size()) {
      const auto put =
          detail::again([&] { return ::pwrite(descriptor_, waiting_.data() + done, waiting_.size() - done, static_cast<off_t>(size_ + done)); });
      if (put < 0) {
        const int code = errno;
        cut();
        errors::write_refused(file_, waiting_.size(), size_, code);
      }
      done += static_cast<std::size_t>(put);
    }
    size_ += done;
    waiting_.clear();
  }
  /// Returns with everything on disk, or throws.
  void sync() {
    flush();
    if (detail::again([&] { return ::fsync(descriptor_); }) != 0) errors::system_refused("flush to disk", file_, errno);
  }

 private:
  int cut() const {
    return detail::again([&] { return ::ftruncate(descriptor_, static_cast<off_t>(size_)); }) == 0 ? 0 : errno;
  }

  std::filesystem::path file_;
  std::uint64_t size_;
  std::string waiting_;
  int descriptor_ = -1;
};

}  // namespace raptr
