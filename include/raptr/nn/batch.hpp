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
  int group = 0;  // of the objective's groups, whose losses are reported one by one
};

/// No padding: rows are the tokens of all segments, one after the other.
struct batch {
  std::vector<int> ids, positions;  // per row
  std::vector<segment> segments;    // ascending, covering all rows
  std::vector<target> targets;      // rows ascending, each at most once
  std::vector<int> sequences;       // of each segment, ascending: which sequence of the batch it is a part of; empty: each is one
  int sequence_count = 0;           // ended ones
  int first_sequence = 0;           // number in the step of its first sequence
  double normaliser = 1;            // the loss is divided by it: sum of the target weights of the GLOBAL batch

  void clear() {
    ids.clear(), positions.clear(), segments.clear(), targets.clear(), sequences.clear(), sequence_count = first_sequence = 0, normaliser = 1;
  }
  /// The segments since the last call, one or several or none, become one sequence: what a drop of sequences keeps or drops.
  void end_sequence() { sequences.resize(segments.size(), sequence_count++); }
  /// The number in the step of the sequence of a segment.
  int sequence_of(std::size_t segment) const { return first_sequence + (sequences.empty() ? static_cast<int>(segment) : sequences[segment]); }
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
