// SPDX-License-Identifier: Apache-2.0
// Heads and segments that attention is tested with on every device: causal, bidirectional and with a prefix, at ragged sizes.
#pragma once

#include <algorithm>
#include <vector>

#include <raptr/backend/ops.hpp>

#include "../support/on_device.hpp"

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

/// What dropout reads of an example, in the memory of a device: rows are every second one of a pass, two segments are one sequence, and
/// the kept groups are not the first ones.
template <class Ops> class dropout_of_example {
 public:
  dropout_of_example(Ops& ops, const attention_example& e, double rate, std::uint32_t seed = 11)
      : mask_{{.rate = rate, .key = {seed, 12}, .place = 5}},
        row_places_(ops, places(e)),
        rows_(ops, every_second(e.end_of_rows())),
        groups_(ops, every_second(e.heads.groups)) {
    mask_.row_places = row_places_.read(), mask_.rows = rows_.read(), mask_.groups = groups_.read();
  }
  const probability_dropout& mask() const { return mask_; }

 private:
  static std::vector<int> every_second(int n) {
    std::vector<int> list;
    for (int i = 0; i < n; ++i) list.push_back(2 * i + 1);
    return list;
  }
  static std::vector<int> places(const attention_example& e) {
    std::vector<int> list(4 * std::size_t(e.end_of_rows()), 77);
    for (std::size_t s = 0, number = 0; s < e.segments.size(); ++s) {
      if (s % 2 == 0) number = 0;
      for (int i = 0; i < e.segments[s].length; ++i, ++number) {
        const std::size_t at = 2 * (2 * std::size_t(e.segments[s].first + i) + 1);
        list[at] = 70000 + int(s / 2), list[at + 1] = int(number);
      }
    }
    return list;
  }
  probability_dropout mask_;
  on_device<Ops, int> row_places_, rows_, groups_;
};

/// The outputs become the probabilities: value k of a segment is the k-th unit vector. No segment is longer than the heads are wide.
template <class Real> std::vector<Real> with_unit_values(const attention_example& e, std::vector<Real> qkv) {
  for (const segment& s : e.segments)
    for (int group = 0; group < e.heads.groups; ++group)
      for (int k = 0; k < s.length; ++k) {
        Real* const value = qkv.data() + group_rows{s, e.heads, group}.value(k);
        std::fill_n(value, e.heads.width, Real(0)), value[k] = Real(1);
      }
  return qkv;
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
