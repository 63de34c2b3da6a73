// SPDX-License-Identifier: Apache-2.0
// One block of device memory, allocated from both ends: what the backward pass needs grows from the bottom; scratch of
// the running part is at the top and freed by scope. Each request has its own type, so that activations and statistics of
// different precisions share it. It computes addresses only, so it can also measure a step that never runs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <raptr/tensor/error.hpp>

namespace raptr {

class arena {
 public:
  static constexpr std::size_t alignment = 64;

  arena() = default;
  arena(char* base, std::size_t bytes) : base_(base), bytes_(bytes), top_(bytes) {}
  /// An arena without memory or limit: peak() is what a step needs. None of its addresses is null, because null means
  /// "not requested" to the operations.
  static arena unbounded() { return arena(reinterpret_cast<char*>(alignment), std::size_t{1} << 62); }

  /// n objects, kept until reset(). Throws error when the arena is full.
  template <class T> T* keep(std::int64_t n) {
    const std::size_t at = bottom_;
    bottom_ += rounded<T>(n);
    check();
    return address<T>(at);
  }
  /// n objects, freed when the innermost open scope ends. Throws error when the arena is full.
  template <class T> T* scratch(std::int64_t n) {
    const std::size_t bytes = rounded<T>(n);
    if (bytes > top_) errors::arena_is_full(bytes, bytes_);
    top_ -= bytes;
    check();
    return address<T>(top_);
  }

  class scope {
   public:
    explicit scope(arena& a) : owner_(a), top_(a.top_) {}
    ~scope() { owner_.top_ = top_; }
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;

   private:
    arena& owner_;
    std::size_t top_;
  };

  void reset() { bottom_ = 0, top_ = bytes_, peak_ = 0; }
  /// Peak bytes in use since reset().
  std::size_t peak() const { return peak_; }
  std::size_t bytes() const { return bytes_; }

 private:
  template <class T> static std::size_t rounded(std::int64_t n) {
    return (static_cast<std::size_t>(n) * sizeof(T) + alignment - 1) / alignment * alignment;
  }
  template <class T> T* address(std::size_t at) const { return reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(base_) + at); }
  void check() {
    if (bottom_ > top_) errors::arena_is_full(bottom_ + bytes_ - top_, bytes_);
    peak_ = std::max(peak_, bottom_ + bytes_ - top_);
  }

  char* base_ = nullptr;
  std::size_t bytes_ = 0, top_ = 0, bottom_ = 0, peak_ = 0;
};

}  // namespace raptr
