// SPDX-License-Identifier: Apache-2.0
// What a schedule that grows a network may do, checked for a whole run before its first step: blocks join at the first step of a
// stage and as copies, no plan has a block that does not exist, and what a block has learnt is not lost.
#pragma once

#include <raptr/schedule/growth.hpp>
#include <raptr/schedule/plan.hpp>

namespace raptr {

/// Checks the change of a network from `before` to `after` with these copies, before the step `step`.
inline void check_copies(const unit_set& before, const unit_set& after, const std::vector<block_copy>& copies, std::int64_t step, int layers,
                         bool allow_shrinking) {
  unit_set written, survives;
  for (const block_copy& c : copies) {
    if (c.from < 0 || c.from >= layers || c.to < 0 || c.to >= layers) errors::growth_is_out_of_range(step, c.from, c.to, layers);
    if (c.from != c.to && !before.has(c.from)) errors::copied_block_does_not_exist(step, c.from, c.to);
    if (written.has(c.to)) errors::growth_writes_a_block_twice(step, c.to);
    written.add(c.to);
    if (after.has(c.to)) survives.add(c.from);
  }
  for (const int block : after)
    if (!before.has(block) && !written.has(block)) errors::block_joins_without_a_copy(step, block);
  for (const int block : before)
    if (!allow_shrinking && !survives.has(block) && (written.has(block) || !after.has(block)))
      errors::trained_block_is_lost(step, block, before.size(), after.size());
}

/// Throws input_error unless all blocks of a plan exist.
inline void check_blocks_exist(const step_plan& plan, const unit_set& network, std::int64_t step) {
  for (const block_plan& b : plan.blocks())
    if (!network.has(b.block)) errors::block_does_not_exist_yet(step, b.block, network.size());
}
/// Throws input_error if blocks are copied, or join or leave the network, inside a stage. Returns the network of the stage.
unit_set check_inside_stage(const subnet_schedule auto& schedule, const run_position& now) {
  run_position begin = now;
  begin.step = now.first;
  const unit_set network = network_of(schedule, begin);
  if (now.step != now.first && (network_of(schedule, now) != network || !growth_of(schedule, now).empty()))
    errors::network_changes_inside_a_stage(now.step, now.first);
  return network;
}

/// Checks all stage boundaries of a run, and the plans at both ends of every stage. allow_shrinking: a trained block may leave the
/// network or be overwritten. Throws input_error, with the step and the block.
void check_growth(const subnet_schedule auto& schedule, const network_layout& layout, std::int64_t total, std::uint64_t seed, bool allow_shrinking) {
  const int layers = layout.shape.layers;
  unit_set before;
  step_plan plan(layout);
  const auto check_plan = [&](std::int64_t step, const unit_set& network) {
    if (network.size() == layers) return;
    plan_into(plan, schedule, {.seed = seed, .step = static_cast<std::uint64_t>(step)}, total);
    check_blocks_exist(plan, network, step);
  };
  for (std::int64_t step = 0; step < total;) {
    run_position now = position_at(schedule, step, total, layout.shape);
    const unit_set network = network_of(schedule, now);
    if (network.empty() || network.next(layers) != unit_set::capacity) errors::network_is_out_of_range(step, network.size(), layers);
    const std::vector<block_copy> copies = growth_of(schedule, now);
    if (step == 0 && !copies.empty()) errors::growth_before_training(copies.front().from, copies.front().to);
    if (step > 0) check_copies(before, network, copies, step, layers, allow_shrinking);
    check_plan(step, network);
    now.step = now.last;
    (void)check_inside_stage(schedule, now);
    check_plan(now.last, network);
    before = network, step = now.last + 1;
  }
}

}  // namespace raptr
