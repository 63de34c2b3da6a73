// SPDX-License-Identifier: Apache-2.0
// Two schedules at the same time on different axes, with independent stage boundaries. Types that drop on one axis twice do not
// compile; values throw on construction if their first stages show it, and otherwise in check_schedule before the first step.
#pragma once

#include <raptr/schedule/check.hpp>
#include <raptr/schedule/error.hpp>
#include <raptr/schedule/then.hpp>

namespace raptr {

/// Calls visit(stage_rule) for the first step of each of the first 64 stages, in a run of an arbitrary length. Stops at the
/// first stage that does not fit such a run.
template <subnet_schedule S> constexpr void each_known_stage(const S& schedule, auto visit) {
  constexpr int most = 64;
  std::int64_t total = std::int64_t{1} << 20, step = 0;
  if constexpr (static_stages<S>) total = sample_total<S>();
  try {
    for (int stage = 0; stage < most && step < total; ++stage) {
      visit(stage_rule(schedule.at(position_at(schedule, step, total, {}))));
      step = stage_end(schedule, step, total);
    }
  } catch (const input_error&) {  // check_schedule checks the actual run and network
  }
}
/// An axis on which both drop; empty if none is found.
constexpr std::string_view common_axis(const subnet_schedule auto& first, const subnet_schedule auto& second) {
  std::string_view found;
  each_known_stage(first, [&](const stage_rule& a) {
    each_known_stage(second, [&](const stage_rule& b) {
      for (const drop_rule& r : a)
        for (const drop_rule& s : b)
          if (r.axis == s.axis) found = r.axis;
    });
  });
  return found;
}
template <class A, class B> constexpr bool on_different_axes() {
  if constexpr (static_stages<A> && static_stages<B>)
    return common_axis(A{}, B{}).empty();
  else
    return true;
}

template <class First, class Second> struct with {
  static_assert(subnet_schedule<First> && subnet_schedule<Second>, "raptr: raptr::with takes two schedules on different axes");
  static_assert(on_different_axes<First, Second>(), "raptr: both schedules of raptr::with drop on the same axis: only one may");
  [[no_unique_address]] First first;
  [[no_unique_address]] Second second;

  constexpr with() requires(std::default_initializable<First>&& std::default_initializable<Second>) : with(First{}, Second{}) {}
  /// Throws input_error if both drop on one axis.
  constexpr with(First one, Second other) : first(std::move(one)), second(std::move(other)) {
    if constexpr (!static_stages<First> || !static_stages<Second>)
      if (const std::string_view axis = common_axis(first, second); !axis.empty()) errors::schedules_share_an_axis(axis);
  }

  constexpr stage_rule at(const run_position& now) const {
    stage_rule both = first.at(own(first, now));
    const stage_rule more = second.at(own(second, now));
    for (const drop_rule& r : more) both.add(r);
    return both;
  }
  constexpr std::int64_t stage_end(std::int64_t step, std::int64_t total) const {
    return std::min(raptr::stage_end(first, step, total), raptr::stage_end(second, step, total));
  }
  constexpr std::int64_t rules_end(std::int64_t step, std::int64_t total) const {
    return std::min(raptr::rules_end(first, step, total), raptr::rules_end(second, step, total));
  }
  static constexpr std::int64_t period() requires(static_stages<First>&& static_stages<Second>) {
    return std::lcm(First::period(), Second::period());
  }
  std::string text() const { return enclosed_text(first, {" then "}) + " with " + enclosed_text(second, {" then ", " with "}); }

  /// At most one of the two grows the network. Throws input_error if both do.
  std::vector<block_copy> growth(const run_position& now) const {
    const std::vector<block_copy> copies = growth_of(first, own(first, now)), others = growth_of(second, own(second, now));
    if (!copies.empty() && !others.empty()) errors::both_schedules_grow();
    return copies.empty() ? others : copies;
  }
  constexpr unit_set network_at(const run_position& now) const {
    const unit_set a = network_of(first, own(first, now)), b = network_of(second, own(second, now));
    if (a.size() < now.shape.layers && b.size() < now.shape.layers) errors::both_schedules_grow();
    return a.size() < b.size() ? a : b;
  }

 private:
  static constexpr run_position own(const auto& schedule, const run_position& now) { return position_at(schedule, now.step, now.total, now.shape); }
};

}  // namespace raptr
