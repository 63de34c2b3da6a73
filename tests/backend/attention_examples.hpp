// SPDX-License-Identifier: Apache-2.0
// Heads and segments that attention is tested with on every device: causal, bidirectional and with a prefix, at ragged sizes.
#pragma once

#include <algorithm>
#include <vector>

#include <raptr/backend/ops.hpp>

namespace raptr::testing {

struct attention_example {
  head_shape heads;
  std::vector<segment> segments;

  int end_of_rows() const {
    int end = 0;
    for (const segment& s : segments) end = std::max(end, s.first + s.length);
    return end;
  }
};
/// Distances that offsets to scores reach in a test: one more than the longest segment needs.
inline int reach_of(const attention_example& e) {
  int longest = 0;
  for (const segment& s : e.segments) longest = std::max(longest, s.length);
  return longest + 1;
}
inline const std::vector<attention_example> attention_examples{
    {{1, 1, 1}, {{0, 1, 0}}},
    {{1, 1, 5}, {{0, 3, 0}, {3, 1, 1}, {4, 2, 1}}},
    {{2, 1, 16}, {{0, 65, 0}, {65, 64, 64}, {129, 33, 10}}},
    {{3, 2, 33}, {{0, 130, 0}, {130, 7, 7}, {137, 70, 65}}},
    {{1, 4, 20}, {{0, 257, 100}}},
    {{2, 2, 64}, {{10, 128, 128}}},
    {{2, 1, 12, 0.9}, {{0, 40, 0}, {40, 70, 9}}},  // a scale of its own
};

}  // namespace raptr::testing
