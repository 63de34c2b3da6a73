// SPDX-License-Identifier: Apache-2.0
// The state that all operations on the CPU share: threads, and shared and per-thread scratch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <raptr/backend/cpu/memory.hpp>
#include <raptr/backend/cpu/threads.hpp>
#include <raptr/backend/ops.hpp>

namespace raptr::cpu_backend {
inline namespace RAPTR_INSTRUCTIONS {

struct context {
  explicit context(int count) : threads(count), own(std::size_t(threads.size())) {}
  thread_team threads;
  std::vector<scratch> own;  // one for each thread
  scratch packed, partial;   // operands packed for the kernel; partial sums, added up in order
};

constexpr std::int64_t round_up(std::int64_t count, std::int64_t to) { return ceil_div(count, to) * to; }

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::cpu_backend
