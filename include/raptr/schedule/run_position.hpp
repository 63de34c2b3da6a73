// SPDX-License-Identifier: Apache-2.0
// A schedule returns the drops of a position in the run, by at(run_position). All other members are optional, with defaults
// here: where its stages end, how long its rules stay the same, and its text.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <string>
#include <type_traits>

#include <raptr/schedule/error.hpp>
#include <raptr/subnet/model_shape.hpp>
#include <raptr/subnet/rules/drop_rule.hpp>

namespace raptr {

/// The position in a run: the step, and its stage as the given schedule divides the run.
struct run_position {
  std::int64_t step = 0, total = 1;
  int stage = 0, stages = 1;
  std::int64_t first = 0, last = 0;  // steps of this stage
  model_shape shape{};
  double depth_share = 0;  // of a learning rate for weights of blocks: the share of the depth that trains; 0 for all other weights
};

/// 0 at the first step of a run, 1 at the last; 1 for a run of one step.
constexpr double progress_of(const run_position& now) {
  return now.total > 1 ? static_cast<double>(now.step) / static_cast<double>(now.total - 1) : 1.0;
}

/// Any type with a pure function `stage_rule at(const run_position&) const`.
template <class S>
concept subnet_schedule = requires(const S& s, run_position now) {
  { s.at(now) } -> std::convertible_to<stage_rule>;
};
/// A schedule that consists of stages, inside which its rules do not change: stage_end(step, total) is the first step
/// after the stage that holds `step`, for 0 <= step < total.
template <class S>
concept staged = subnet_schedule<S> && requires(const S& s, std::int64_t step) {
  { s.stage_end(step, step) } -> std::same_as<std::int64_t>;
};
/// Stages known at compile time. period(): a run length at which all stage boundaries are whole steps; 0 if there is none.
template <class S>
concept static_stages = staged<S> && requires {
  { S::period() } -> std::same_as<std::int64_t>;
};

/// A schedule without stages is one stage.
template <class S> constexpr std::int64_t stage_end(const S& schedule, std::int64_t step, std::int64_t total) {
  static_assert(
      staged<S> || !requires { &S::stage_end; },
      "raptr: stage_end of a schedule is std::int64_t stage_end(std::int64_t step, std::int64_t total) const");
  if constexpr (staged<S>)
    return schedule.stage_end(step, total);
  else
    return total;
}
/// The first step after `step` at which the rules may differ. Schedules that contain others define it as a member.
constexpr std::int64_t rules_end(const auto& schedule, std::int64_t step, std::int64_t total) {
  if constexpr (requires { schedule.rules_end(step, total); })
    return schedule.rules_end(step, total);
  else if constexpr (staged<std::remove_cvref_t<decltype(schedule)>>)
    return schedule.stage_end(step, total);
  else
    return step + 1;
}

/// Limit of a run's steps; it keeps the computation of stage boundaries from overflowing.
inline constexpr std::int64_t longest_run = std::int64_t{1} << 40;
constexpr void check_run_length(std::int64_t total) {
  if (total < 1 || total > longest_run) errors::run_length_is_out_of_range(total, longest_run);
}

/// Throws input_error if the step is not in the run.
constexpr run_position position_at(const auto& schedule, std::int64_t step, std::int64_t total, const model_shape& shape) {
  check_run_length(total);
  if (step < 0 || step >= total) errors::step_is_outside_the_run(step, total);
  run_position now{.step = step, .total = total, .stages = 0, .shape = shape};
  for (std::int64_t from = 0; from < total; ++now.stages) {
    const std::int64_t end = stage_end(schedule, from, total);
    if (from <= step) now.stage = now.stages, now.first = from, now.last = end - 1;
    from = end;
  }
  return now;
}

/// Steps first .. end - 1, all in stage `stage`, with the same rules.
struct step_span {
  std::int64_t first, end;
  int stage;
  constexpr double steps() const { return static_cast<double>(end - first); }
};
/// Calls visit(stage_rule, step_span) for the whole run, in order: one call per stage where there are stages, else one per step.
constexpr void each_span(const auto& schedule, const model_shape& shape, std::int64_t total, auto visit) {
  check_run_length(total);
  for (std::int64_t step = 0; step < total;) {
    const run_position now = position_at(schedule, step, total, shape);
    const std::int64_t end = std::min(rules_end(schedule, step, total), now.last + 1);
    visit(stage_rule(schedule.at(now)), step_span{step, end, now.stage});
    step = end;
  }
}

/// Throws input_error if the schedule has no text.
std::string text_of(const auto& schedule) {
  if constexpr (requires { schedule.text(); })
    return schedule.text();
  else
    errors::schedule_has_no_text();
}

}  // namespace raptr
