// SPDX-License-Identifier: Apache-2.0
// What a schedule costs: block FLOPs relative to the full network. Exact where stages are: whole numbers in doubles and
// one division.
#pragma once

#include <raptr/subnet/layout.hpp>
#include <raptr/subnet/schedule/moment.hpp>

namespace raptr {

/// Of all blocks, forward, for one token.
struct flops {
  double active, full;
  constexpr bool is_full() const { return active == full; }
};

/// Throws input_error if the stage does not fit the network.
constexpr flops block_flops(const stage_rule& stage, const network_layout& layout) {
  const int total = layout.shape.layers;
  int kept = total;
  for (const drop_rule& r : stage) {
    if (r.axis != layers::name) errors::network_has_no_such_axis(r.axis);
    kept = r.kept_of(total);
  }
  return {kept * layout.block_flops(), total * layout.block_flops()};
}

/// The mean over a run of `total` steps.
constexpr double block_flops_ratio(const subnet_schedule auto& schedule, const network_layout& layout, std::int64_t total) {
  double active = 0, full = 0;
  each_span(schedule, layout.shape, total, [&](const stage_rule& stage, const step_span& span) {
    const flops f = block_flops(stage, layout);
    active += f.active * span.steps(), full += f.full * span.steps();
  });
  return active / full;
}
template <static_stages S, block_of_parts Block> constexpr double block_flops_ratio(const model_shape& shape, std::int64_t total) {
  return block_flops_ratio(S{}, layout_of<Block>(shape), total);
}
/// The same where every border is a share of the run.
template <static_stages S, block_of_parts Block> constexpr double block_flops_ratio(const model_shape& shape) {
  static_assert(S::period() > 0,
                "raptr: this schedule counts in steps, so its cost depends on the length of the run: block_flops_ratio<S, Block>(shape, total)");
  return block_flops_ratio<S, Block>(shape, S::period());
}

}  // namespace raptr
