// SPDX-License-Identifier: Apache-2.0
// The plan of a run, printed before it starts: the stages with their steps, blocks, FLOPs and memory, and the saving.
#pragma once

#include <raptr/base/text_table.hpp>
#include <raptr/run/cost_estimator.hpp>

namespace raptr {

struct run_plan {
  std::string text;                                           // without line end
  double block_flops = 0, total_flops = 0;                    // of the whole run
  double full_block_flops = 0, full_total_flops = 0;          // of as many steps with the full network
  double activation_bytes = 0;                                // of a micro-batch, the most of any stage
  step_estimate full{};                                       // a step with the full network
  double seconds = 0;                                         // expected; infinite if no speed is known
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

/// For drops that vary with depth: what the first and the last block keep in the last step of each stage, so that the two ends
/// of the network are not confused.
inline std::string depth_text(const any_schedule& schedule, const network_layout& layout, std::int64_t total,
                              const std::vector<stage_summary>& stages) {
  std::string text;
  for (const stage_summary& stage : stages)
    for (const drop_rule& r : schedule.at(position_at(schedule, stage.last, total, layout.shape))) {
      const int units = total_of(r, layout), blocks = r.in_depth() ? units : layout.shape.layers;
      const profile_view& profile = r.in_depth() ? r.select.by_depth : r.profile;
      const double mean = r.kept_of(units) / units;
      if (mean == 1 || !profile.varies()) continue;
      const auto share = [&](int block) { return short_text(100 * profile(block, blocks, mean), 6) + " %"; };
      text += "By depth, step " + count_text(stage.last + 1) + " keeps " + share(0) + " of " + std::string(r.axis) + " in the first block and " +
              share(blocks - 1) + " in the last one.\n";
    }
  return text;
}

/// Estimates the run of a trainer. Throws input_error if the text does not fill one window, or the schedule does not fit the model.
inline run_plan plan_of(const any_trainer& trainer, const any_tokens& text, const expected_speed& speed = {}) {
  cost_estimator estimator(trainer, text);
  const any_schedule& schedule = trainer.schedule();
  const std::int64_t total = trainer.options().steps;
  const auto stages = estimator.stages(schedule);
  const auto size_text = [](const axis_size& a) { return short_text(a.kept, 4) + " of " + short_text(a.total, 4); };
  run_plan plan;
  const step_estimate& full = plan.full = estimator.full();
  std::vector<std::string> titles{"stage", "steps"};
  for (const auto& a : stages.front().axes) titles.push_back(a.axis == layers::name ? "blocks" : std::string(a.axis));
  titles.insert(titles.end(), {"block FLOPs", "total FLOPs", "activations"});
  if (speed.known()) titles.push_back("time");
  text_table table(titles);
  std::vector<axis_size> all = stages.front().axes;
  for (auto& a : all) a.kept = 0;
  const auto row = [&](std::string name, std::string when, const std::vector<axis_size>& axes, const step_estimate& p, double seconds) {
    std::vector<std::string> cells{std::move(name), std::move(when)};
    for (const auto& a : axes) cells.push_back(size_text(a));
    cells.insert(cells.end(),
                 {percent_text(p.block_flops / full.block_flops), percent_text(p.total_flops / full.total_flops), bytes_text(p.activation_bytes)});
    if (speed.known()) cells.push_back(duration_text(seconds));
    table.add(cells);
  };
  for (std::size_t k = 0; k < stages.size(); ++k) {
    const auto& stage = stages[k];
    const step_estimate p = estimator.stage(schedule, stage);
    const auto steps = static_cast<double>(stage.steps());
    plan.before_stage.emplace_back(stage.first, plan.total_flops);
    plan.step_flops.push_back(p.total_flops);
    plan.block_flops += steps * p.block_flops, plan.total_flops += steps * p.total_flops;
    for (std::size_t i = 0; i < all.size(); ++i) all[i].kept += stage.axes[i].kept * steps / double(total);
    plan.activation_bytes = (std::max)(plan.activation_bytes, p.activation_bytes);
    const double seconds = steps * speed.seconds(p, full);
    plan.seconds += seconds;
    row(std::to_string(k + 1), count_text(stage.first + 1) + " to " + count_text(stage.last + 1), stage.axes, p, seconds);
  }
  const auto steps = static_cast<double>(total);
  plan.full_block_flops = steps * full.block_flops, plan.full_total_flops = steps * full.total_flops;
  if (stages.size() > 1)
    row("all", count_text(total), all, {plan.block_flops / steps, plan.total_flops / steps, plan.activation_bytes}, plan.seconds);
  plan.text = table.plain() + depth_text(schedule, estimator.layout(), total, stages);
  if (plan.block_flops < plan.full_block_flops)
    plan.text += "Expected saving against the full network in every step: " + percent_text(1 - plan.block_flops / plan.full_block_flops) +
                 " of the block FLOPs, " + percent_text(1 - plan.total_flops / plan.full_total_flops) + " of all (" + scaled_text(plan.total_flops) +
                 " instead of " + scaled_text(plan.full_total_flops) + ").\n";
  else
    plan.text += "Every step trains the full network: " + scaled_text(plan.total_flops) + " FLOPs.\n";
  if (const step_estimate last = estimator.step(schedule, total - 1); last.block_flops < full.block_flops)
    plan.text += "The schedule ends below the full network, with " + percent_text(last.block_flops / full.block_flops) +
                 " of its block FLOPs: such a run is a control, not the method.\n";
  if (speed.known()) plan.text += "Expected time: about " + duration_text(plan.seconds) + ", from " + speed.text() + ".\n";
  plan.text.pop_back();  // the line end
  return plan;
}

}  // namespace raptr
