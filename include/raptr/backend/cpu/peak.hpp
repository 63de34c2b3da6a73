// SPDX-License-Identifier: Apache-2.0
// The measured peak rate of one thread: independent multiply-adds in registers. Speeds of matrix products are given as a share
// of it, because processors of one family differ by a factor of two.
#pragma once

#include <algorithm>
#include <chrono>

#include <raptr/backend/cpu/matmul_kernel.hpp>

namespace raptr::cpu_backend {
inline namespace RAPTR_INSTRUCTIONS {

/// Flop/s of one thread in float, with the instruction set compiled for; takes about 20 ms.
inline double measured_fma_peak() {
  using vector = simd<float>::vector;
  using clock = std::chrono::steady_clock;
  constexpr int chains = 12, rounds = 20000;
  vector sums[chains] = {}, factor = vector{} + 0.999f, more = vector{} + 0.5f;
  double best = 0;
  const auto begin = clock::now();
  do {
    const auto start = clock::now();
    for (int r = 0; r < rounds; ++r) unrolled<chains>([&](auto i) { sums[i] = sums[i] * factor + more; });
    const std::chrono::duration<double> seconds = clock::now() - start;
    best = std::max(best, 2.0 * chains * rounds * simd_width<float> / seconds.count());
  } while (clock::now() - begin < std::chrono::milliseconds(20));
  volatile float sink = 0;  // keeps the compiler from dropping the chains
  for (const vector& s : sums) sink = sink + s[0];
  return best;
}

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::cpu_backend
