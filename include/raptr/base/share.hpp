// SPDX-License-Identifier: Apache-2.0
// The share of a rank in what ranks divide: sequences of a batch, windows of a text, elements of a sum.
#pragma once

#include <cstdint>
#include <vector>

namespace raptr {

struct index_range {
  std::int64_t first = 0, last = 0;

  std::int64_t size() const { return last - first; }
  bool operator==(const index_range&) const = default;
};

/// Shares differ by one at most, the larger ones first: 8 for 3 ranks are 3, 3 and 2. Consecutive: together they are [0, total).
constexpr index_range share_of(std::int64_t total, int rank, int ranks) {
  const std::int64_t each = total / ranks, larger = total % ranks;
  const std::int64_t first = rank * each + (rank < larger ? rank : larger);
  return {first, first + each + (rank < larger)};
}

/// Where the shares begin, and the end of the last one: ranks + 1 numbers from 0 to total.
inline std::vector<std::int64_t> share_bounds(std::int64_t total, int ranks) {
  std::vector<std::int64_t> bounds{0};
  for (int rank = 0; rank < ranks; ++rank) bounds.push_back(share_of(total, rank, ranks).last);
  return bounds;
}

}  // namespace raptr
