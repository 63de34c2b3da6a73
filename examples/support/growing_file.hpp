// SPDX-License-Identifier: Apache-2.0
// A log while it grows: what could not be written stays in memory and goes out with the next piece, and the file ends at a whole
// piece all the time.
#pragma once

#include <raptr/io/file.hpp>

namespace program {

class growing_file {
 public:
  /// Makes the file, or cuts the one that is there to its first `keep` bytes.
  growing_file(std::filesystem::path file, std::uint64_t keep) : file_(std::move(file)), size_(keep) {
    descriptor_ = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) raptr::errors::system_refused("open", file_, errno);
    if (const int code = cut(); code != 0) {
      ::close(descriptor_);
      raptr::errors::system_refused("cut to " + std::to_string(keep) + " bytes", file_, code);
    }
  }
  growing_file(const growing_file&) = delete;
  growing_file& operator=(const growing_file&) = delete;
  ~growing_file() { ::close(descriptor_); }

  /// To be written by the next flush().
  void add(const std::string& bytes) { waiting_ += bytes; }
  /// Throws file_error; then all that waits is kept.
  void flush() {
    std::size_t done = 0;
    while (done < waiting_.size()) {
      const auto put = raptr::detail::again(
          [&] { return ::pwrite(descriptor_, waiting_.data() + done, waiting_.size() - done, static_cast<off_t>(size_ + done)); });
      if (put < 0) {
        const int code = errno;
        cut();
        raptr::errors::write_refused(file_, waiting_.size(), size_, code);
      }
      done += static_cast<std::size_t>(put);
    }
    size_ += done;
    waiting_.clear();
  }
  /// All is on the disk, or it throws.
  void sync() {
    flush();
    if (raptr::detail::again([&] { return ::fsync(descriptor_); }) != 0) raptr::errors::system_refused("flush to disk", file_, errno);
  }

 private:
  int cut() const {
    return raptr::detail::again([&] { return ::ftruncate(descriptor_, static_cast<off_t>(size_)); }) == 0 ? 0 : errno;
  }

  std::filesystem::path file_;
  std::uint64_t size_;
  std::string waiting_;
  int descriptor_ = -1;
};

}  // namespace program
