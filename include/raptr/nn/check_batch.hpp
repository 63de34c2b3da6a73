// SPDX-License-Identifier: Apache-2.0
// Whether a batch is valid for a model and a plan, checked on the host before anything is enqueued.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <raptr/nn/batch.hpp>
#include <raptr/nn/error.hpp>
#include <raptr/subnet/step_plan.hpp>

namespace raptr {

/// Ids of targets are 0 .. outputs - 1; groups below 2: numbers of groups are not read.
struct target_limits {
  int outputs;
  std::size_t groups = 0;
};

/// Throws input_error, with the row or segment, if a part of the batch contradicts another, an id or a position is out of range,
/// or the plan drops sequences and was drawn for others than the batch holds.
inline void check_batch(const batch& data, const step_plan& plan, const model_shape& shape, const target_limits& targets) {
  std::size_t rows = 0;
  for (std::size_t k = 0; k < data.segments.size(); ++k) {
    const segment& s = data.segments[k];
    if (s.first != static_cast<std::int64_t>(rows) || s.length < 0 || s.prefix < 0 || s.prefix > s.length)
      errors::segment_is_out_of_place(k, s.first, s.length, s.prefix, static_cast<std::int64_t>(rows));
    rows += static_cast<std::size_t>(s.length);
  }
  if (data.ids.size() != rows || data.positions.size() != rows) errors::batch_is_inconsistent(data.ids.size(), data.positions.size(), rows);
  for (std::size_t r = 0; r < rows; ++r) {
    if (data.ids[r] < 0 || data.ids[r] >= shape.vocab) errors::token_is_outside_the_vocabulary(data.ids[r], static_cast<int>(r), shape.vocab);
    if (data.positions[r] < 0 || data.positions[r] >= shape.context) errors::position_is_outside_the_context(data.positions[r], shape.context);
  }
  std::int64_t before = -1;
  for (const target& t : data.targets) {
    if (t.row <= before || t.row >= static_cast<std::int64_t>(rows)) errors::target_is_out_of_place(t.row, before, rows);
    if (t.id < 0 || t.id >= targets.outputs) errors::target_is_outside_the_outputs(t.id, t.row, targets.outputs);
    if (targets.groups > 1 && static_cast<std::size_t>(t.group) >= targets.groups)
      errors::target_group_is_out_of_range(t.group, t.row, targets.groups);
    before = t.row;
  }
  if (!(data.normaliser > 0)) errors::normaliser_is_not_positive(data.normaliser);
  if (!data.sequences.empty() && (data.sequences.size() != data.segments.size() || !std::is_sorted(data.sequences.begin(), data.sequences.end())))
    errors::segments_are_of_no_sequence(data.segments.size(), data.sequences.size());
  if (data.segments.empty()) return;
  const int first = data.sequence_of(0), last = data.sequence_of(data.segments.size() - 1), sequences = plan.layout().sequences;
  for (const block_plan& b : plan.blocks())
    if (!b.sequences.empty() && (first < 0 || last >= sequences)) errors::sequences_are_outside_the_plan(first, last, sequences);
}

}  // namespace raptr
