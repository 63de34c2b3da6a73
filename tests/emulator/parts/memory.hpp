// SPDX-License-Identifier: Apache-2.0
// Device memory and pinned memory: heap blocks of exactly the size asked for, so that ASan sees every overrun, full of NaN until somebody
// writes. Which pointers are which is known, because a real copy checks that too.
#pragma once
#include <cstdlib>
#include <cstring>
#include <map>

#include "state.hpp"

namespace emulator::inside {

class blocks {
 public:
  struct block {
    std::size_t bytes;
    bool freeing;  // its cudaFreeAsync is queued
  };
  enum class place { elsewhere, inside, across };

  /// nullptr if the heap has no more. 256 bytes is the alignment of the real allocator.
  void* add(std::size_t bytes) {
    void* pointer = nullptr;
    if (posix_memalign(&pointer, 256, bytes) != 0) return nullptr;
    blocks_[reinterpret_cast<std::uintptr_t>(pointer)] = {bytes, false};
    ++count_;
    bytes_ += bytes;
    if (bytes_ > peak_) peak_ = bytes_;
    return pointer;
  }
  block* find(const void* pointer) {
    const auto found = blocks_.find(reinterpret_cast<std::uintptr_t>(pointer));
    return found == blocks_.end() ? nullptr : &found->second;
  }
  /// The block counts no more; work that was queued before may still use it.
  void begin_freeing(block& leaving) {
    leaving.freeing = true;
    bytes_ -= leaving.bytes;
    --count_;
  }
  /// Takes out a block that is freeing; its memory is the caller's to give back.
  std::size_t take(const void* pointer) {
    const auto found = blocks_.find(reinterpret_cast<std::uintptr_t>(pointer));
    const std::size_t bytes = found->second.bytes;
    blocks_.erase(found);
    return bytes;
  }
  /// Where a range lies: inside one block, in none, or partly. For work that is performed now, a block that is freeing is still there.
  place where(const void* pointer, std::size_t bytes, bool performing = false) const {
    const auto begin = reinterpret_cast<std::uintptr_t>(pointer), end = begin + bytes;
    auto next = blocks_.upper_bound(begin);
    if (next != blocks_.begin()) {
      const auto& [start, found] = *std::prev(next);
      if (begin < start + found.bytes) return end <= start + found.bytes && (performing || !found.freeing) ? place::inside : place::across;
    }
    return next != blocks_.end() && end > next->first ? place::across : place::elsewhere;
  }
  bool holds(const void* pointer, std::size_t bytes, bool performing = false) const { return where(pointer, bytes, performing) == place::inside; }
  void clear() {
    for (const auto& [start, found] : blocks_) std::free(reinterpret_cast<void*>(start));
    *this = {};
  }
  std::size_t bytes() const { return bytes_; }
  std::size_t count() const { return count_; }
  std::size_t peak() const { return peak_; }

 private:
  std::map<std::uintptr_t, block> blocks_;
  std::size_t bytes_ = 0, count_ = 0, peak_ = 0;
};

inline blocks device_memory, pinned_memory;
inline blocks staging_memory;  // what was pageable when its copy was asked for

}  // namespace emulator::inside
