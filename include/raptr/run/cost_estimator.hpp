// SPDX-License-Identifier: Apache-2.0
// Estimates the cost of the steps of a run without running them. All estimates use the same sample batch.
#pragma once

#include <raptr/base/number_text.hpp>
#include <raptr/run/any_trainer.hpp>
#include <raptr/schedule/grammar/solve.hpp>
#include <raptr/schedule/plan.hpp>
#include <raptr/schedule/stage_table.hpp>

namespace raptr {

class cost_estimator {
 public:
  /// Throws input_error if the text does not fill one window.
  cost_estimator(const any_trainer& trainer, const any_tokens& text)
      : trainer_(trainer),
        steps_(trainer.options().steps),
        data_(trainer.sample(text)),
        plan_(trainer.layout()),
        full_(trainer.estimate(data_, step_plan::full(plan_.layout()))) {}

  const network_layout& layout() const { return plan_.layout(); }
  const batch& data() const { return data_; }
  /// The cost of a step with the full network.
  const step_estimate& full() const { return full_; }
  /// The cost of one step, with the plan that the run will draw.
  step_estimate step(const any_schedule& schedule, std::int64_t number) {
    plan_into(plan_, schedule, {.seed = trainer_.options().seed, .step = static_cast<std::uint64_t>(number)}, steps_);
    return trainer_.estimate(data_, plan_);
  }
  std::vector<stage_summary> stages(const any_schedule& schedule) const { return stage_table(schedule, layout(), steps_); }
  /// The mean over at most 8 steps with the plans that the run will draw; with exact selectors all of them cost the same.
  step_estimate stage(const any_schedule& schedule, const stage_summary& of) {
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
  double total_share(const any_schedule& schedule) {
    double sum = 0;
    for (const stage_summary& s : stages(schedule)) sum += double(s.steps()) * stage(schedule, s).total_flops;
    return sum / (double(steps_) * full_.total_flops);
  }

 private:
  const any_trainer& trainer_;
  std::int64_t steps_;
  batch data_;
  step_plan plan_;
  step_estimate full_;
};

/// Expected time of a step: interpolated between two measured steps, or else its FLOPs at a typical share of the FMA peak.
struct expected_speed {
  static constexpr double share_of_peak = 0.5;
  double peak = 0;  // flop/s of the device; 0: not known, and then neither is the time
  std::optional<step_time> measured{};

  bool known() const { return measured || peak > 0; }
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
/// Times two steps. Trains the network in doing so; discard it afterwards. Throws stopped on a request.
inline step_time measured_time(any_trainer& trainer, const batch& data, const std::stop_token& stop = {}) {
  const double full = trainer.seconds_of(data, step_plan::full(trainer.layout()), stop);
  return {.full = full, .fixed = (std::min)(full, trainer.seconds_of(data, step_plan(trainer.layout()), stop))};
}

}  // namespace raptr
