// SPDX-License-Identifier: Apache-2.0
// The input of a network: tokens, attention segments, targets. An objective fills a batch; the network never sees the
// objective. A batch may be one of several micro-batches of a step, so it records which sequences it holds.
#pragma once

#include <vector>

#include <raptr/backend/ops.hpp>

namespace raptr {

struct target {
  int row, id;
  float weight;
};

/// No padding: rows are the tokens of all segments, one after the other.
struct batch {
  std::vector<int> ids, positions;  // per row
  std::vector<segment> segments;    // ascending, covering all rows
  std::vector<target> targets;      // rows ascending, each at most once
  int first_sequence = 0;           // number in the step of its first segment: segment i is sequence first_sequence + i
  double normaliser = 1;            // the loss is divided by it: sum of the target weights of the GLOBAL batch

  void clear() { ids.clear(), positions.clear(), segments.clear(), targets.clear(), first_sequence = 0, normaliser = 1; }
  double target_weight() const {
    double sum = 0;
    for (const target& t : targets) sum += double(t.weight);
    return sum;
  }
  /// Appends a segment of `length` rows at positions 0, 1, ...; the caller appends its ids.
  void add_segment(int length, int prefix) {
    segments.push_back({static_cast<int>(positions.size()), length, prefix});
    for (int i = 0; i < length; ++i) positions.push_back(i);
  }
};

}  // namespace raptr
