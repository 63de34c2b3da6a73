// SPDX-License-Identifier: Apache-2.0
// What a run will do, before it does it: the stages with their steps, blocks, FLOPs and memory, and what that saves.
#pragma once

#include <cmath>

#include "../support/text_table.hpp"
#include "network_trainer.hpp"

namespace program {

struct run_plan {
  std::string text;
  double block_flops = 0, total_flops = 0;                    // of the whole run
  double full_block_flops = 0, full_total_flops = 0;          // of as many steps with the full network
  std::vector<std::pair<std::int64_t, double>> before_stage;  // first step of a stage, FLOPs of all steps before it
  std::vector<double> step_flops;                             // of a step of each stage

  /// FLOPs of the first `steps` steps.
  double flops_of_first(std::int64_t steps) const {
    double sum = 0;
    for (std::size_t k = 0; k < before_stage.size(); ++k)
      if (before_stage[k].first <= steps) sum = before_stage[k].second + double(steps - before_stage[k].first) * step_flops[k];
    return sum;
  }
};

inline run_plan plan_of(const settings& s, const network_trainer& network, const tokens& text) {
  const auto stages = network.stages();
  const step_price full = network.price(text, int(s.layers));
  // A mean between two numbers of blocks costs a mean.
  const auto price = [&](double blocks) {
    const double low = std::floor(blocks), part = blocks - low;
    step_price a = network.price(text, int(low));
    if (part > 0) {
      const step_price b = network.price(text, int(low) + 1);
      a = {std::lerp(a.block_flops, b.block_flops, part), std::lerp(a.total_flops, b.total_flops, part),
           std::lerp(a.activation_bytes, b.activation_bytes, part)};
    }
    return a;
  };
  run_plan plan;
  text_table table({"stage", "steps", "blocks", "block FLOPs", "total FLOPs", "activations"});
  double active = 0, most = 0;
  for (std::size_t k = 0; k < stages.size(); ++k) {
    const auto& stage = stages[k];
    const step_price p = price(stage.mean_active_blocks);
    const auto steps = static_cast<double>(stage.steps());
    plan.before_stage.emplace_back(stage.first, plan.total_flops);
    plan.step_flops.push_back(p.total_flops);
    plan.block_flops += steps * p.block_flops, plan.total_flops += steps * p.total_flops;
    active += steps * stage.mean_active_blocks, most = (std::max)(most, p.activation_bytes);
    table.add({std::to_string(k + 1), count_text(stage.first + 1) + " to " + count_text(stage.last + 1),
               short_text(stage.mean_active_blocks, 4) + " of " + std::to_string(s.layers), percent_text(p.block_flops / full.block_flops),
               percent_text(p.total_flops / full.total_flops), bytes_text(p.activation_bytes)});
  }
  const auto steps = static_cast<double>(s.steps);
  plan.full_block_flops = steps * full.block_flops, plan.full_total_flops = steps * full.total_flops;
  if (stages.size() > 1)
    table.add({"all", count_text(s.steps), short_text(active / steps, 4) + " of " + std::to_string(s.layers),
               percent_text(plan.block_flops / plan.full_block_flops), percent_text(plan.total_flops / plan.full_total_flops), bytes_text(most)});
  plan.text = table.plain();
  if (plan.block_flops < plan.full_block_flops)
    plan.text += "Expected saving against the full network in every step: " + percent_text(1 - plan.block_flops / plan.full_block_flops) +
                 " of the block FLOPs, " + percent_text(1 - plan.total_flops / plan.full_total_flops) + " of all (" + scaled_text(plan.total_flops) +
                 " instead of " + scaled_text(plan.full_total_flops) + ").\n";
  else
    plan.text += "Every step trains the full network: " + scaled_text(plan.total_flops) + " FLOPs.\n";
  if (!stages.back().full)
    plan.text += "The schedule ends below the full network, with " + short_text(stages.back().mean_active_blocks, 4) + " of " +
                 std::to_string(s.layers) + " blocks: such a run is a control, not the method.\n";
  return plan;
}

}  // namespace program
