// SPDX-License-Identifier: Apache-2.0
// What a step costs, in FLOPs that the method cannot avoid: multiply and add counted separately, the backward pass as
// twice the forward pass. Blocks alone, and everything: embeddings, head and optimizer never shrink with the depth, so
// both figures belong side by side.
#pragma once

#include <cstdint>

#include <raptr/subnet/step_plan.hpp>

namespace raptr {

struct step_cost {
  double blocks = 0, total = 0;
};

/// What a step is made of besides its active blocks.
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

/// Forward FLOPs of the active blocks of a plan for one token.
inline double block_flops_of(const step_plan& plan) {
  double sum = 0;
  for (const block_plan& b : plan.blocks())
    for (std::size_t p = 0; p < b.parts().size(); ++p) sum += b.parts()[p].size() * plan.layout().parts()[p].flops_per_unit;
  return sum;
}

}  // namespace raptr
