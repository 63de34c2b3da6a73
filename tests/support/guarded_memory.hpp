// SPDX-License-Identifier: Apache-2.0
// Memory whose pages are closed unless somebody says that they may be touched: the CPU then treats a stray read of
// device memory as a GPU's host would, by dying.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <stdexcept>
#include <vector>

namespace raptr {

/// Pages that can be closed. Blocks are cut from areas and never moved; an area is used again once all of it is free.
/// Fresh and released memory is full of NaN (0xff).
class guarded_memory {
 public:
  explicit guarded_memory(bool guarded) : guarded_(guarded) {}
  guarded_memory(const guarded_memory&) = delete;
  guarded_memory& operator=(const guarded_memory&) = delete;
  ~guarded_memory() {
    for (const area& a : areas_) munmap(a.data, a.bytes);
  }

  char* allocate(std::size_t bytes) {
    bytes = (bytes + 63) / 64 * 64 + 64;  // never empty
    auto at = std::find_if(areas_.begin(), areas_.end(), [=](const area& a) { return a.bytes - a.used >= bytes; });
    if (at == areas_.end()) {
      const std::size_t size = std::max<std::size_t>(std::size_t(8) << 20, (bytes + 4095) / 4096 * 4096);
      void* const data = mmap(nullptr, size, access(depth_ > 0), MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (data == MAP_FAILED) throw std::bad_alloc();
      at = areas_.insert(areas_.end(), {static_cast<char*>(data), size, 0, {}});
    }
    char* const fresh = at->data + at->used;
    at->used += bytes;
    at->blocks.push_back({fresh, bytes});
    fill(fresh, bytes);
    return fresh;
  }
  void release(void* p) {
    for (area& a : areas_)
      for (auto b = a.blocks.begin(); b != a.blocks.end(); ++b)
        if (b->data == p) {
          fill(b->data, b->bytes);
          a.blocks.erase(b);
          if (a.blocks.empty()) a.used = 0;
          return;
        }
    throw std::invalid_argument("released what was not allocated here, or twice");
  }
  std::size_t live_blocks() const {
    std::size_t n = 0;
    for (const area& a : areas_) n += a.blocks.size();
    return n;
  }

  /// While one of these lives, the memory may be touched.
  class open {
   public:
    explicit open(guarded_memory& m) : memory_(m) {
      if (memory_.depth_++ == 0) memory_.protect(true);
    }
    ~open() {
      if (--memory_.depth_ == 0) memory_.protect(false);
    }
    open(const open&) = delete;
    open& operator=(const open&) = delete;

   private:
    guarded_memory& memory_;
  };

 private:
  struct block {
    char* data;
    std::size_t bytes;
  };
  struct area {
    char* data;
    std::size_t bytes, used;
    std::vector<block> blocks;
  };
  int access(bool opened) const { return opened || !guarded_ ? PROT_READ | PROT_WRITE : PROT_NONE; }
  void protect(bool opened) {
    if (guarded_)
      for (const area& a : areas_) mprotect(a.data, a.bytes, access(opened));
  }
  void fill(char* data, std::size_t bytes) {
    const open o(*this);
    std::memset(data, 0xff, bytes);
  }

  bool guarded_;
  int depth_ = 0;
  std::vector<area> areas_;
};

}  // namespace raptr
