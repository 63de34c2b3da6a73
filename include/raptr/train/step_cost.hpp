// SPDX-License-Identifier: Apache-2.0
// The cost of a step in algorithmic FLOPs: multiply and add counted separately, the backward pass as twice the forward pass.
// There are two figures, blocks alone and the total, because embeddings, head and optimizer do not shrink with the depth.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <raptr/subnet/step_plan.hpp>

namespace raptr {

struct step_cost {
  double blocks = 0, total = 0;
};

/// The quantities that determine the cost of a step besides its active blocks.
struct step_size {
  std::int64_t tokens = 0, targets = 0;
  double flops_per_target = 0;  // of the head, forward
  double active_parameters = 0;
  double flops_per_parameter = 0;  // of the optimizer
};

/// blocks: forward FLOPs of the active blocks for one token.
constexpr step_cost cost_of(double blocks, const step_size& size, const model_shape& shape) {
  const double tokens = static_cast<double>(size.tokens), passes = 3 * blocks * tokens;
  const double head = 3 * size.flops_per_target * static_cast<double>(size.targets), embedding = 3.0 * shape.width * tokens;
  return {passes, passes + head + embedding + size.active_parameters * size.flops_per_parameter};
}

/// Forward FLOPs of the active blocks of a plan for one token of the step, on average over its sequences.
inline double block_flops_of(const step_plan& plan) {
  double sum = 0;
  for (const block_plan& b : plan.blocks()) {
    double block = 0;
    for (std::size_t p = 0; p < b.parts().size(); ++p) block += b.parts()[p].size() * plan.layout().parts()[p].flops_per_unit;
    sum += b.sequences.empty() ? block : block * double(b.sequences.size()) / plan.layout().sequences;
  }
  return sum;
}

/// The trained share of each axis in a step: of all blocks, of all sub-layers, and of the sequences and units in active blocks
/// and sub-layers.
struct axis_share {
  std::string_view axis;
  double share = 0;
};
class active_shares {
 public:
  active_shares() = default;
  explicit active_shares(const step_plan& plan) {
    const network_layout& net = plan.layout();
    double sublayer = 0, passing = 0;
    for (const block_plan& b : plan.blocks()) {
      passing += b.sequences.empty() ? 1 : double(b.sequences.size()) / net.sequences;
      for (const part_plan& part : b.parts()) sublayer += !part.units.empty();
    }
    add(layers::name, double(plan.size()) / net.shape.layers);
    add(sublayers::name, sublayer / net.sublayers());
    add(sequences::name, plan.size() ? passing / plan.size() : 0);
    for (std::size_t p = 0; p < net.parts().size(); ++p) {
      double kept = 0, total = 0;
      for (const block_plan& b : plan.blocks())
        for (std::size_t q = 0; q < net.parts().size(); ++q)
          if (net.parts()[q].axis == net.parts()[p].axis && !b.parts()[q].units.empty()) kept += b.parts()[q].size(), total += net.parts()[q].units;
      if (of(net.parts()[p].axis) < 0) add(net.parts()[p].axis, total > 0 ? kept / total : 0);
    }
  }
  const axis_share* begin() const { return shares_.data(); }
  const axis_share* end() const { return shares_.data() + size_; }
  /// Returns -1 for an axis that the network does not have.
  double of(std::string_view axis) const {
    for (const axis_share& s : *this)
      if (s.axis == axis) return s.share;
    return -1;
  }

 private:
  void add(std::string_view axis, double share) { shares_[static_cast<std::size_t>(size_++)] = {axis, share}; }
  std::array<axis_share, 3 + network_layout::most_parts> shares_{};
  int size_ = 0;
};

}  // namespace raptr
