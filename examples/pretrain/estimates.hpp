// SPDX-License-Identifier: Apache-2.0
// Estimates the cost of the steps of a run without running them. All estimates use the same sample batch.
#pragma once

#include <raptr/schedule/grammar/solve.hpp>
#include <raptr/schedule/plan.hpp>

#include "../support/numbers.hpp"
#include "network_trainer.hpp"

namespace program {

class cost_estimator {
 public:
  /// Throws input_error if the text does not fill one window.
  cost_estimator(const settings& s, const network_trainer& network, const tokens& text)
      : steps_(s.steps),
        seed_(static_cast<std::uint64_t>(s.seed)),
        network_(network),
        data_(network.sample(text)),
        plan_(network.layout()),
        full_(network.estimate(data_, raptr::step_plan::full(plan_.layout()))) {}

  const raptr::network_layout& layout() const { return plan_.layout(); }
  const raptr::batch& data() const { return data_; }
  /// The cost of a step with the full network.
  const step_estimate& full() const { return full_; }
  /// The cost of one step, with the plan that the run will draw.
  step_estimate step(const raptr::any_schedule& schedule, std::int64_t number) {
    raptr::plan_into(plan_, schedule, {.seed = seed_, .step = static_cast<std::uint64_t>(number)}, steps_);
    return network_.estimate(data_, plan_);
  }
  std::vector<raptr::stage_summary> stages(const raptr::any_schedule& schedule) const { return raptr::stage_table(schedule, layout(), steps_); }
  /// The mean over at most 8 steps with the plans that the run will draw; with exact selectors all of them cost the same.
  step_estimate stage(const raptr::any_schedule& schedule, const raptr::stage_summary& of) {
    constexpr std::int64_t most = 8;
    const std::int64_t n = (std::min)(most, of.steps());
    step_estimate mean;
    for (std::int64_t k = 0; k < n; ++k) {
      const step_estimate p = step(schedule, of.first + k * (of.steps() - 1) / (std::max)(std::int64_t{1}, n - 1));
      mean.total_flops += (p.total_flops - p.block_flops) / double(n);
      mean.activation_bytes = (std::max)(mean.activation_bytes, p.activation_bytes);
    }
    mean.block_flops = of.flops_share * full_.block_flops;
    mean.total_flops += mean.block_flops;
    return mean;
  }
  /// Total FLOPs as a fraction of those of as many steps with the full network.
  double total_share(const raptr::any_schedule& schedule) {
    double sum = 0;
    for (const raptr::stage_summary& s : stages(schedule)) sum += double(s.steps()) * stage(schedule, s).total_flops;
    return sum / (double(steps_) * full_.total_flops);
  }

 private:
  std::int64_t steps_;
  std::uint64_t seed_;
  const network_trainer& network_;
  raptr::batch data_;
  raptr::step_plan plan_;
  step_estimate full_;
};

/// Expected time of a step: interpolated between two measured steps, or else its FLOPs at a typical share of the FMA peak.
struct expected_speed {
  static constexpr double share_of_peak = 0.5;
  double peak = 0;  // flop/s
  std::optional<raptr::step_time> measured{};

  double seconds(const step_estimate& step, const step_estimate& full) const {
    if (measured) return measured->full * measured->ratio(step.block_flops / full.block_flops);
    return step.total_flops / (share_of_peak * peak);
  }
  /// The basis of seconds().
  std::string text() const {
    if (measured)
      return "measured steps, " + duration_text(measured->full) + " with the full network and " + duration_text(measured->fixed) +
             " without its blocks; between them time is linear in the block FLOPs";
    return "all FLOPs at half of the FMA peak of this machine; nothing was timed";
  }
};
/// Times two steps. Trains the network in doing so; discard it afterwards.
inline raptr::step_time measured_time(network_trainer& network, const raptr::batch& data) {
  const double full = network.seconds_of(data, raptr::step_plan::full(network.layout()));
  return {.full = full, .fixed = (std::min)(full, network.seconds_of(data, raptr::step_plan(network.layout())))};
}

}  // namespace program
