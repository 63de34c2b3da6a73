// SPDX-License-Identifier: Apache-2.0
// A summary of a run, stage by stage, for a table shown before the run starts. It contains numbers only; the program formats
// and prints them.
#pragma once

#include <vector>

#include <raptr/schedule/cost.hpp>

namespace raptr {

/// The mean size of one axis: all blocks or sub-layers, the units of one block in all its parts, or the sequences of a step.
struct axis_size {
  std::string_view axis;
  double kept, total;
};
struct stage_summary {
  std::int64_t first, last;       // steps
  double flops_share = 0;         // block FLOPs relative to the full network, over its steps
  bool full = true;               // every step trains the full network
  std::vector<axis_size> axes{};  // layers first, then all axes dropped in any stage of the run

  std::int64_t steps() const { return last - first + 1; }
  double mean_active_blocks() const { return axes.front().kept; }
};

/// One row per stage, in order. The run ends with the full network if stage_table(...).back().full, or ends_full for a
/// schedule without stages. Throws input_error if a stage does not fit the network.
inline std::vector<stage_summary> stage_table(const subnet_schedule auto& schedule, const network_layout& layout, std::int64_t total) {
  const auto size_of = [&](const drop_rule& r) {
    axis_size size{r.axis, 0, 0};
    if (r.place == unit_place::parts) {
      for (const part_layout& part : layout.parts())
        if (part.axis == r.axis) size.kept += r.kept_of(part.units), size.total += part.units;
    } else {
      size.kept = r.kept_of(total_of(r, layout)), size.total = total_of(r, layout);
    }
    return size;
  };
  std::vector<axis_size> whole{{layers::name, double(layout.shape.layers), double(layout.shape.layers)}};
  each_span(schedule, layout.shape, total, [&](const stage_rule& stage, const step_span&) {
    for (const drop_rule& r : stage) {
      bool known = false;
      for (const axis_size& a : whole) known = known || a.axis == r.axis;
      if (!known) whole.push_back(size_of(r));
    }
  });
  std::vector<stage_summary> table;
  each_span(schedule, layout.shape, total, [&](const stage_rule& stage, const step_span& span) {
    const flops f = block_flops(stage, layout);
    if (static_cast<std::size_t>(span.stage) == table.size()) {
      table.push_back({span.first, span.first, 0, true, whole});
      for (axis_size& a : table.back().axes) a.kept = 0;  // sums until the end
    }
    stage_summary& row = table.back();
    row.last = span.end - 1;
    row.flops_share += f.active / f.full * span.steps();
    row.full = row.full && f.is_full();
    for (axis_size& a : row.axes) {
      const drop_rule* const r = stage.find(a.axis);
      const axis_size now = r ? size_of(*r) : axis_size{a.axis, 1, 1};
      a.kept += now.kept / now.total * a.total * span.steps();  // stages may use different denominators for unknown sequences
    }
  });
  for (stage_summary& row : table) {
    const double steps = static_cast<double>(row.steps());
    row.flops_share /= steps;
    for (axis_size& a : row.axes) a.kept /= steps;
  }
  return table;
}

}  // namespace raptr
