// SPDX-License-Identifier: Apache-2.0
// The sum over ranks, in their order. Collective operations of MPI and NCCL choose the order by message size and topology, and an array
// may be added up in several orders; this one is the same for any engine, so ranks as threads and as processes give equal bits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include <raptr/base/config.hpp>

namespace raptr {

/// to[i] = ((parts[0][i] + parts[1][i]) + parts[2][i]) + ..., for n elements. `to` may be one of the parts.
template <class T> void sum_in_rank_order(std::span<const T* const> parts, T* to, std::int64_t n) {
  constexpr std::int64_t tile = 1024;  // stays in the cache while the ranks pass by
  T sum[tile];
  for (std::int64_t first = 0; first < n; first += tile) {
    const std::int64_t length = std::min(tile, n - first);
    std::copy_n(parts[0] + first, length, sum);
    for (std::size_t r = 1; r < parts.size(); ++r) {
      const T* const part = parts[r] + first;
      for (std::int64_t i = 0; i < length; ++i) sum[i] += part[i];
    }
    std::copy_n(sum, length, to + first);
  }
}

}  // namespace raptr
