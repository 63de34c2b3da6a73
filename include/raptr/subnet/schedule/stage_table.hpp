// SPDX-License-Identifier: Apache-2.0
// What a run will do, stage by stage, for the table that a person reads before it starts. Numbers only: how they are
// printed belongs to the program.
#pragma once

#include <vector>

#include <raptr/subnet/schedule/cost.hpp>

namespace raptr {

struct stage_summary {
  std::int64_t first, last;   // steps
  double mean_active_blocks;  // over its steps
  double flops_share;         // block FLOPs relative to the full network
  bool full;                  // every step trains the full network

  std::int64_t steps() const { return last - first + 1; }
};

/// One row per stage, in order. Whether the run ends with the full network: stage_table(...).back().full, or ends_full
/// for a schedule that has no stages. Throws input_error if a stage does not fit the network.
inline std::vector<stage_summary> stage_table(const subnet_schedule auto& schedule, const network_layout& layout, std::int64_t total) {
  std::vector<stage_summary> table;
  each_span(schedule, layout.shape, total, [&](const stage_rule& stage, const step_span& span) {
    const flops f = block_flops(stage, layout);
    if (static_cast<std::size_t>(span.stage) == table.size()) table.push_back({span.first, span.first, 0, 0, true});
    stage_summary& row = table.back();
    row.last = span.end - 1;
    row.mean_active_blocks += f.active / layout.block_flops() * span.steps();  // sums until the end
    row.flops_share += f.active * span.steps();
    row.full = row.full && f.is_full();
  });
  for (stage_summary& row : table) {
    const double steps = static_cast<double>(row.steps());
    row.mean_active_blocks /= steps;
    row.flops_share /= layout.shape.layers * layout.block_flops() * steps;
  }
  return table;
}

}  // namespace raptr
