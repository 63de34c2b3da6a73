// SPDX-License-Identifier: Apache-2.0
// Memory of the CPU backend: what it hands out is aligned to 64 bytes and freed with it at the latest. Scratch grows to
// the largest size asked for and stays, so that a step allocates nothing once the first one is over.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <new>
#include <vector>

#include <raptr/backend/cpu/error.hpp>

namespace raptr::cpu_backend {

constexpr std::align_val_t alignment{64};

/// One buffer whose content does not outlive the operation.
class scratch {
 public:
  scratch() = default;
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() { ::operator delete(data_, alignment); }

  /// Room for n objects of T; what an earlier call gave is gone.
  template <class T> T* get(std::size_t n) {
    if (n * sizeof(T) > bytes_) {
      ::operator delete(data_, alignment);
      data_ = nullptr, bytes_ = 0;
      data_ = ::operator new(n * sizeof(T), alignment);
      bytes_ = n * sizeof(T);
    }
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

class memory {
 public:
  memory() = default;
  memory(const memory&) = delete;
  memory& operator=(const memory&) = delete;
  ~memory() {
    for (void* p : live_) ::operator delete(p, alignment);
  }

  template <class T> T* allocate(std::size_t n) {
    static_assert(alignof(T) <= std::size_t(alignment));
    if (n > (std::numeric_limits<std::size_t>::max() / 2) / sizeof(T)) errors::out_of_memory(n, sizeof(T));
    live_.reserve(live_.size() + 1);
    void* const p = ::operator new(std::max(n * sizeof(T), std::size_t(1)), alignment, std::nothrow);
    if (!p) errors::out_of_memory(n, sizeof(T));
    live_.push_back(p);
    return static_cast<T*>(p);
  }
  template <class T> void release(T* p) {
    if (!p) return;
    const auto at = std::find(live_.begin(), live_.end(), static_cast<void*>(p));
    if (at == live_.end()) errors::not_allocated_here();
    *at = live_.back();
    live_.pop_back();
    ::operator delete(p, alignment);
  }

 private:
  std::vector<void*> live_;
};

}  // namespace raptr::cpu_backend
