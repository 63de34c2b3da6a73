// SPDX-License-Identifier: Apache-2.0
// Memory of the CPU backend, aligned to 64 bytes and freed by release(), or with the backend. Scratch grows to the largest
// size requested and stays, so only the first step allocates. Large blocks request large pages, because the rows of a wide
// matrix lie on more 4 KiB pages than the TLB covers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <new>
#include <utility>
#include <vector>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <raptr/backend/cpu/error.hpp>

namespace raptr::cpu_backend {
inline namespace RAPTR_INSTRUCTIONS {

/// An owned block of uninitialised bytes.
class block {
 public:
  block() = default;
  /// data() is null if the allocation fails.
  explicit block(std::size_t bytes) : bytes_(bytes), data_(::operator new(bytes, alignment(), std::nothrow)) {
#if defined(__linux__)
    if (data_ && bytes >= large_page) madvise(data_, bytes, MADV_HUGEPAGE);  // a hint, which the system may ignore
#endif
  }
  block(block&& other) noexcept : bytes_(std::exchange(other.bytes_, 0)), data_(std::exchange(other.data_, nullptr)) {}
  block& operator=(block&& other) noexcept {
    std::swap(bytes_, other.bytes_), std::swap(data_, other.data_);
    return *this;
  }
  ~block() { ::operator delete(data_, alignment()); }

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t large_page = std::size_t(2) << 20;
  std::align_val_t alignment() const { return std::align_val_t(bytes_ >= large_page ? large_page : 64); }

  std::size_t bytes_ = 0;
  void* data_ = nullptr;
};

/// A temporary buffer, reused by every operation.
class scratch {
 public:
  /// Space for n objects of T; invalidates the result of the previous call.
  template <class T> T* get(std::size_t n) {
    if (n * sizeof(T) > data_.bytes()) {
      data_ = block();
      data_ = block(n * sizeof(T));
      if (!data_.data()) {
        data_ = block();
        errors::out_of_memory(n, sizeof(T));
      }
    }
    return static_cast<T*>(data_.data());
  }

 private:
  block data_;
};

class memory {
 public:
  template <class T> T* allocate(std::size_t n) {
    static_assert(alignof(T) <= 64);
    if (n > (std::numeric_limits<std::size_t>::max() / 2) / sizeof(T)) errors::out_of_memory(n, sizeof(T));
    block fresh(std::max(n * sizeof(T), std::size_t(1)));
    if (!fresh.data()) errors::out_of_memory(n, sizeof(T));
    live_.push_back(std::move(fresh));
    return static_cast<T*>(live_.back().data());
  }
  template <class T> void release(T* p) {
    if (!p) return;
    const auto at = std::find_if(live_.begin(), live_.end(), [p](const block& b) { return b.data() == p; });
    if (at == live_.end()) errors::not_allocated_here();
    std::swap(*at, live_.back());
    live_.pop_back();
  }

 private:
  std::vector<block> live_;
};

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::cpu_backend
