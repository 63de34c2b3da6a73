// SPDX-License-Identifier: Apache-2.0
// What a block is made of: its memory, and for each CUDA thread its fiber, what it waits for and the thread that TSan takes it for.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "fibers.hpp"

namespace raptr::cuda_backend {
inline constexpr std::size_t emulated_shared_bytes = 227 * 1024, emulated_margin_bytes = 5 * 1024;
// Whole pages, so that TSan can be told that a block's memory is not that of the block before.
extern __shared__ __align__(4096) unsigned char shared_memory[emulated_shared_bytes + emulated_margin_bytes];
}  // namespace raptr::cuda_backend

namespace emulator::inside {

enum class waits : std::uint8_t { for_nothing, for_block, for_warp, for_shuffle };

struct cuda_thread {
  inside::fiber fiber;
  void* tsan = nullptr;
  std::size_t stack = 0;
  bool started = false;
  // What it waits for, written by itself.
  waits waiting = waits::for_nothing;
  bool exited = false;
  unsigned mask = 0;
  int source = 0;
  std::uint64_t value = 0;
  const char* file = "";
  int line = 0;
};

/// The launch that is being performed.
struct running_launch {
  const std::function<void()>* thread = nullptr;
  const std::string* kernel = nullptr;
  stream_thread* stream = nullptr;
  dim3 grid, block;
  std::size_t shared_bytes = 0;
};

/// Threads for TSan to take the fibers for. They are costly to make, above all with g++, so blocks share a few sets of them, drawn
/// for each block: two blocks that race are then seen in most orders, not in all.
class tsan_threads {
 public:
  static constexpr std::size_t sets = 2;
  void* of(std::size_t set, unsigned thread) {
    if constexpr (!sees_races) return nullptr;
    if (known_[set].size() <= thread) known_[set].resize(thread + 1);
    void*& found = known_[set][thread];
    return found ? found : found = tsan_create();
  }
  /// One that was left in the middle of a kernel.
  void forget(std::size_t set, unsigned thread) {
    if constexpr (sees_races) tsan_destroy(std::exchange(known_[set][thread], nullptr));
  }

 private:
  std::vector<void*> known_[sets];
};

}  // namespace emulator::inside
