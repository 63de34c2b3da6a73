// SPDX-License-Identifier: Apache-2.0
// One schedule after the other in time. Both may be types or values; a share is always a share of the schedule in which
// it is written, so the stages of the second divide what the first leaves.
#pragma once

#include <raptr/subnet/schedule/types.hpp>

namespace raptr {

/// A schedule for a limited time: during<share<1, 10>, full_network>, during<steps<30'000>, full_network>.
template <class Length, class Schedule> struct during {
  static_assert(std::convertible_to<Length, duration>, "raptr: during says first how long: raptr::share<1, 10> or raptr::steps<30'000>");
  static_assert(subnet_schedule<Schedule>, "raptr: during says what for so long: a schedule, such as raptr::full_network");
  [[no_unique_address]] Length length{};
  [[no_unique_address]] Schedule schedule{};

  /// Throws input_error if the run is not longer.
  constexpr std::int64_t steps_of(std::int64_t total) const { return duration(length).of(total); }
};

template <class First, class Rest> struct in_turn {
  static_assert(sizeof(First) == 0,
                "raptr: in_turn is two schedules, the first with its length: "
                "raptr::in_turn<raptr::during<raptr::share<1, 10>, raptr::full_network>, paper>");
};
template <class Length, class Schedule, subnet_schedule Rest> struct in_turn<during<Length, Schedule>, Rest> {
  [[no_unique_address]] during<Length, Schedule> first{};
  [[no_unique_address]] Rest rest{};

  constexpr stage_rule at(const moment& now) const {
    const std::int64_t n = first.steps_of(now.total);
    return now.step < n ? stage_rule(first.schedule.at(moment_at(first.schedule, now.step, n, now.shape)))
                        : stage_rule(rest.at(moment_at(rest, now.step - n, now.total - n, now.shape)));
  }
  constexpr std::int64_t stage_end(std::int64_t step, std::int64_t total) const {
    const std::int64_t n = first.steps_of(total);
    return step < n ? raptr::stage_end(first.schedule, step, n) : n + raptr::stage_end(rest, step - n, total - n);
  }
  constexpr std::int64_t rules_end(std::int64_t step, std::int64_t total) const {
    const std::int64_t n = first.steps_of(total);
    return step < n ? raptr::rules_end(first.schedule, step, n) : n + raptr::rules_end(rest, step - n, total - n);
  }
  static constexpr std::int64_t period() requires(static_stages<Schedule>&& static_stages<Rest>) {
    const duration length = Length{};
    return length.in_steps() ? 0 : length.share().den() * std::lcm(Schedule::period(), Rest::period());
  }
  std::string text() const { return enclosed(first.schedule) + " for " + duration(first.length).text() + " then " + enclosed(rest); }

 private:
  static std::string enclosed(const auto& schedule) {
    const std::string text = text_of(schedule);
    return text.find(" then ") == text.npos ? text : "(" + text + ")";
  }
};

}  // namespace raptr
