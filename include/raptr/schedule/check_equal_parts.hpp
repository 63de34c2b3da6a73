// SPDX-License-Identifier: Apache-2.0
// Whether a schedule draws parts of equal size, whatever the draw: then ranks may draw a part each, and none waits for a larger one.
// Rules of the library are known before the run; what a user-defined selector draws is compared step by step, by part_sizes.
#pragma once

#include <array>
#include <string>

#include <raptr/schedule/cost.hpp>
#include <raptr/subnet/step_plan.hpp>

namespace raptr {

/// The size of a plan: its blocks, and of each part of a block the sub-layers and the units that it keeps, over all blocks. Plans of equal size
/// have equal FLOPs and equal shares of each axis.
struct part_sizes {
  int blocks = 0;
  std::array<int, network_layout::most_parts> sublayers{}, units{};

  explicit part_sizes(const step_plan& plan) : blocks(plan.size()) {
    for (const block_plan& b : plan.blocks())
      for (std::size_t p = 0; p < b.parts().size(); ++p) sublayers[p] += !b.parts()[p].units.empty(), units[p] += b.parts()[p].size();
  }
  bool operator==(const part_sizes&) const = default;
  /// "6 blocks (attention 24 heads in 6, mlp 96 neurons in 6)"
  std::string text(const network_layout& layout) const {
    std::string inside;
    for (std::size_t p = 0; p < layout.parts().size(); ++p)
      inside += (inside.empty() ? "" : ", ") + std::string(layout.parts()[p].name) + " " + std::to_string(units[p]) + " " +
                std::string(layout.parts()[p].axis) + " in " + std::to_string(sublayers[p]);
    return std::to_string(blocks) + " blocks (" + inside + ")";
  }
};

/// Throws input_error, with the numbers, for the first rule of a run that drops sequences or whose draws differ in size. After check_schedule().
void check_equal_parts(const subnet_schedule auto& schedule, const network_layout& layout, std::int64_t total) {
  each_span(schedule, layout.shape, total, [&](const stage_rule& stage, const step_span& span) {
    const drop_rule* const depth = stage.find(layers::name);
    const bool blocks_differ = depth && depth->kept_of(layout.shape.layers) < layout.shape.layers;
    for (const drop_rule& r : stage) {
      const int units = total_of(r, layout);
      const double kept = r.kept_of(units);
      if (kept == units) continue;
      const auto refuse = [&](const char* why) { errors::parts_are_not_of_equal_size(span.first, r.axis, kept, units, why); };
      if (r.place == unit_place::sequences) errors::parts_drop_sequences(span.first, kept, units);
      if (r.select.on_average) refuse("on average, not in every draw");
      if (r.place == unit_place::sublayers && layout.parts().size() > 1) refuse("and does not say how many of each kind");
      // The number in a block is the same for all ranks, but they keep different blocks.
      const bool whole = kept == static_cast<int>(kept);
      if (r.place == unit_place::parts && blocks_differ && (r.profile.varies() || (!whole && !r.once)))
        refuse("in a block on average, and drops blocks");
    }
  });
}

}  // namespace raptr
