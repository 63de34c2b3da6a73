// SPDX-License-Identifier: Apache-2.0
// One schedule after another. Both may be types or values. A share is always relative to the enclosing schedule, so the stages
// of the second divide the steps that the first leaves.
#pragma once

#include <initializer_list>

#include <raptr/schedule/duration.hpp>
#include <raptr/schedule/growth.hpp>
#include <raptr/schedule/schedule.hpp>

namespace raptr {

/// The text of a schedule inside another one: in parentheses if it contains one of the words that would end it.
std::string enclosed_text(const subnet_schedule auto& schedule, std::initializer_list<std::string_view> words) {
  std::string text = text_of(schedule);
  for (const std::string_view word : words)
    if (text.find(word) != text.npos) return "(" + text + ")";
  return text;
}

/// A schedule with a length: lasting<share<1, 10>, full_network>, lasting<steps<30'000>, full_network>.
template <class Length, class Schedule> struct lasting {
  static_assert(std::convertible_to<Length, duration>, "raptr: raptr::lasting starts with a length: raptr::share<1, 10> or raptr::steps<30'000>");
  static_assert(subnet_schedule<Schedule>, "raptr: raptr::lasting takes a schedule after the length, such as raptr::full_network");
  [[no_unique_address]] Length length{};
  [[no_unique_address]] Schedule schedule{};

  /// Throws input_error unless the run is longer.
  constexpr std::int64_t steps_of(std::int64_t total) const { return duration(length).of(total); }
};

template <class First, class Rest> struct then {
  static_assert(sizeof(First) == 0,
                "raptr: raptr::then takes two schedules, the first with its length: "
                "raptr::then<raptr::lasting<raptr::share<1, 10>, raptr::full_network>, paper>");
};
template <class Length, class Schedule, subnet_schedule Rest> struct then<lasting<Length, Schedule>, Rest> {
  [[no_unique_address]] lasting<Length, Schedule> first{};
  [[no_unique_address]] Rest rest{};

  constexpr stage_rule at(const run_position& now) const {
    return ask(now, [](const auto& active, const run_position& own) { return stage_rule(active.at(own)); });
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
  std::string text() const {
    return enclosed_text(first.schedule, {" then "}) + " for " + duration(first.length).text() + " then " + enclosed_text(rest, {" then "});
  }
  std::vector<block_copy> growth(const run_position& now) const {
    return ask(now, [](const auto& active, const run_position& own) { return growth_of(active, own); });
  }
  constexpr unit_set network_at(const run_position& now) const {
    return ask(now, [](const auto& active, const run_position& own) { return network_of(active, own); });
  }

 private:
  /// Calls the function with the active schedule and the position within it.
  constexpr auto ask(const run_position& now, auto question) const {
    const std::int64_t n = first.steps_of(now.total);
    return now.step < n ? question(first.schedule, position_at(first.schedule, now.step, n, now.shape))
                        : question(rest, position_at(rest, now.step - n, now.total - n, now.shape));
  }
};

}  // namespace raptr
