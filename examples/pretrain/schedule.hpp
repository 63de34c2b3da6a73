// SPDX-License-Identifier: Apache-2.0
// The schedule given by the options. A text may leave one number open, as in ramp:?-full, which is solved for a given cost.
#pragma once

#include <raptr/comm/any_communicator.hpp>
#include <raptr/run/cost_estimator.hpp>
#include <raptr/schedule/check_growth.hpp>
#include <raptr/schedule/progressive.hpp>
#include <raptr/subnet/rules/named_rule.hpp>

#include "settings.hpp"

namespace program {

namespace errors {
[[noreturn]] inline void schedule_shrinks(const std::string& text) {
  raptr::fail("a stage of --schedule \"" + raptr::shown(text) +
              "\" trains less than the one before it, or loses blocks that were trained: put the sizes in growing order, or give --allow-shrinking");
}
[[noreturn]] inline void unknown_without_target(const std::string& text) {
  raptr::fail("--schedule \"" + raptr::shown(text) +
              "\" has a ?, but the cost of the run is not given: give --solve-for, such as 0.75, or a number in place of the ?");
}
[[noreturn]] inline void target_without_unknown(double target, const std::string& text) {
  raptr::fail("--solve-for is " + raptr::decimal_text(target) + ", but --schedule \"" + raptr::shown(text) +
              "\" has no ?: write one in place of the number to solve for, as in ramp:?-full, or leave --solve-for out");
}
[[noreturn]] inline void cost_without_target(const std::string& cost) {
  raptr::fail("--solve-cost is " + cost + ", but --solve-for is not given: give it, or leave --solve-cost out");
}
}  // namespace errors

inline raptr::text_options text_options_of(const settings& s) {
  const raptr::fixed always{int(s.keep_first), int(s.keep_last)};
  return {.rules = {raptr::named_rule(raptr::rule_of<raptr::layer_drop>(), {.selector = s.selector, .scale = s.scale, .always = always})},
          .allow_shrinking = s.allow_shrinking};
}
inline raptr::any_schedule schedule_of(const settings& s) {
  raptr::text_options options = text_options_of(s);
  try {
    return raptr::any_schedule(s.schedule, options);
  } catch (const raptr::input_error&) {
    if (options.allow_shrinking) throw;
    options.allow_shrinking = true;
    (void)raptr::any_schedule(s.schedule, options);  // throws if shrinking is not the reason
    errors::schedule_shrinks(s.schedule);
  }
}
/// The option that sets a member of the shape: --kv-heads, --rotary-fast, --residual-dropout.
inline std::string option_of_member(std::string path) {
  std::ranges::replace(path, '_', '-');
  if (path.starts_with("rotary-stretch.")) path = "rotary-" + path.substr(path.find('.') + 1);
  if (path.starts_with("dropout.")) path = path.substr(path.find('.') + 1) + "-dropout";
  return path;
}
/// Throws input_error if the options do not fit together.
inline std::unique_ptr<raptr::any_trainer> trainer_of(const settings& s, raptr::any_communicator& ranks) {
  auto trainer = [&] {
    const raptr::any_schedule schedule = schedule_of(s);
    try {
      return kind_of(s).make(s, schedule, ranks);
    } catch (const raptr::member_error& e) {
      if (e.path() == e.member) throw;  // not of the shape
      raptr::fail("--" + option_of_member(e.path()) + e.problem);
    }
  }();
  if (!s.allow_shrinking && !raptr::never_shrinks(trainer->schedule(), trainer->layout(), s.steps)) errors::schedule_shrinks(s.schedule);
  raptr::check_growth(trainer->schedule(), trainer->layout(), s.steps, static_cast<std::uint64_t>(s.seed), s.allow_shrinking);
  return trainer;
}

/// One that does not train: for its plan and its cost.
inline std::unique_ptr<raptr::any_trainer> trainer_of(const settings& s) {
  static raptr::any_communicator alone;
  return trainer_of(s, alone);
}

/// Whether the schedule has a ? to solve for. Throws input_error if it has one and no target, or a target and no ?.
inline bool to_be_solved(const settings& s) {
  const bool unknown = s.schedule.find('?') != std::string::npos;
  if (unknown && s.solve_for == 0) errors::unknown_without_target(s.schedule);
  if (!unknown && s.solve_for > 0) errors::target_without_unknown(s.solve_for, s.schedule);
  if (!unknown && s.solve_cost != settings{}.solve_cost) errors::cost_without_target(s.solve_cost);
  return unknown;
}
inline const char* cost_text(std::string_view cost) { return cost == "time" ? "the time" : cost == "total-flops" ? "all FLOPs" : "the block FLOPs"; }
/// Replaces the ? by the number found, and stores the options as given in s.solved. Returns a line about it.
inline std::string solve(settings& s, raptr::cost_estimator& estimator, const std::optional<raptr::step_time>& measured) {
  const raptr::network_layout& layout = estimator.layout();
  const auto cost = [&](const raptr::any_schedule& schedule) {
    raptr::check_schedule(schedule, layout, s.steps, true);
    if (s.solve_cost == "total-flops") return estimator.total_share(schedule);
    const double blocks = raptr::block_flops_ratio(schedule, layout, s.steps);
    return measured ? measured->ratio(blocks) : blocks;
  };
  const std::string found = raptr::solve_text(s.schedule, s.solve_for, cost, text_options_of(s));
  const std::string line =
      "Solved: " + s.schedule + " is " + found + ", for " + raptr::percent_text(s.solve_for) + " of " + cost_text(s.solve_cost) + " of full training";
  s.solved = {{"schedule", s.schedule}, {"solve-for", s.solve_for}, {"solve-cost", s.solve_cost}};
  s.schedule = found, s.solve_for = 0, s.solve_cost = settings{}.solve_cost;
  return line;
}

}  // namespace program
