// SPDX-License-Identifier: Apache-2.0
// Which ranges of the arenas a plan uses. Kept units of a weight are contiguous in the packed arenas, and gradients exist in
// packed form only: there are none outside the plan, every product is one dense product, and the whole gradient is one
// contiguous range for norm and all-reduce.
#pragma once

#include <vector>

#include <raptr/backend/param_range_list.hpp>
#include <raptr/nn/weight_layout.hpp>

namespace raptr {

/// first: its first run in the full arenas; packed: where its kept units begin in the packed ones.
struct active_weight {
  std::int64_t first = 0, packed = 0;
  int units = 0, runs = 0;
};

/// A run of a packed arena: the weights of a block, or of the model around the blocks, that train in this step.
struct packed_piece {
  int block;  // -1: of the model
  std::int64_t first, last;
};

class active_layout {
 public:
  void lower(const weight_layout& layout, const step_plan& plan) {
    kept.clear(), dropped.clear(), kept_counts.clear(), dropped_counts.clear(), weight_of_range.clear(), pieces.clear();
    weights.assign(layout.all().size(), {}), size = 0;
    layout.each_run(plan, [&](const placed_weight& w, int first, int units, bool active) {
      const std::size_t index = static_cast<std::size_t>(&w - layout.all().data());
      const std::int64_t from = w.first + first * w.per_unit, length = units * w.per_unit;
      active_weight& a = weights[index];
      if (active && a.runs++ == 0) a.first = from, a.packed = size = (size + 15) / 16 * 16;
      if (active && (pieces.empty() || pieces.back().block != w.block)) pieces.push_back({w.block, size, size});
      (active ? kept : dropped).push_back({from, size, length, w.per_unit, w.unit + first, static_cast<int>(index), w.what.decays, w.block >= 0});
      if (w.counts) (active ? kept_counts : dropped_counts).push_back({w.unit + first, 0, units, 1, w.unit + first, 0, false});
      if (active) weight_of_range.push_back(index), a.units += units, pieces.back().last = size += length;
    });
  }

  param_range_list kept, dropped;                // elements of the arenas that train in this step, or do not
  param_range_list kept_counts, dropped_counts;  // the same units in the table of step counts
  std::vector<std::size_t> weight_of_range;      // of every kept range: its index in weight_layout::all()
  std::vector<packed_piece> pieces;              // in the order of the arena
  std::vector<active_weight> weights;            // as weight_layout::all()
  std::int64_t size = 0;                         // elements of the packed arenas
};

}  // namespace raptr
