// SPDX-License-Identifier: Apache-2.0
// A schedule as a type: stages in order, each with its share of the steps and its drops.
#pragma once

#include <raptr/schedule/duration.hpp>
#include <raptr/schedule/stages.hpp>
#include <raptr/subnet/rules/drop.hpp>

namespace raptr {

/// The full network: alone in a stage, or as a schedule by itself.
struct full_network {
  static constexpr stage_rule at(const run_position&) { return {}; }
  static constexpr std::int64_t stage_end(std::int64_t, std::int64_t total) { return total; }
  static constexpr std::int64_t period() { return 1; }
  static std::string text() { return "full"; }
};

template <class D>
concept what_trains = subnet_drop<D> || std::same_as<D, full_network>;

/// The axis of a drop; empty for full_network.
template <class Drop> constexpr std::string_view axis_name_of() {
  if constexpr (subnet_drop<Drop>)
    return Drop::axis::name;
  else
    return {};
}
template <class... Drops> constexpr bool one_per_axis() {
  const std::array<std::string_view, sizeof...(Drops)> names{axis_name_of<Drops>()...};
  for (std::size_t i = 0; i < names.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (names[i] == names[j] || names[i].empty() || names[j].empty()) return false;
  return true;
}

template <class Share, class... Drops> struct stage {
  static_assert(share_of_steps<Share>, "raptr: a stage starts with its share of the steps, such as raptr::share<1, 4>");
  static_assert(sizeof...(Drops) > 0 && (what_trains<Drops> && ...),
                "raptr: after its share a stage lists drops, such as raptr::layer_drop<raptr::keep<6>>, or raptr::full_network");
  static_assert(one_per_axis<Drops...>(), "raptr: a stage has one drop per axis, or raptr::full_network alone");

  static constexpr stage_rule rule() {
    stage_rule s;
    if constexpr (share_of_steps<Share> && one_per_axis<Drops...>()) {
      s.share = Share::value();
      (add<Drops>(s), ...);
    }
    return s;
  }

 private:
  template <class Drop> static constexpr void add(stage_rule& s) {
    if constexpr (subnet_drop<Drop>) s.add(rule_of<Drop>());
  }
};

template <class S>
concept stage_of_a_schedule = requires {
  { S::rule() } -> std::same_as<stage_rule>;
};

template <class... Stages> struct schedule {
  static_assert(sizeof...(Stages) > 0 && (stage_of_a_schedule<Stages> && ...),
                "raptr: a schedule lists stages: raptr::stage<raptr::share<1, 4>, raptr::layer_drop<raptr::keep<6>>>");
  static constexpr std::array<stage_rule, sizeof...(Stages)> list{Stages::rule()...};
  static constexpr bool shares_add_up() {
    fraction_sum sum;
    for (const stage_rule& s : list) sum.add(s.share);
    return sum.is_one();
  }
  static_assert(shares_add_up(), "raptr: the shares of a schedule's stages must add up to 1");

  static constexpr const stage_rule& at(const run_position& now) { return stages::at(list, now); }
  static constexpr std::int64_t stage_end(std::int64_t step, std::int64_t total) { return stages::end_of_stage(list, step, total); }
  static constexpr std::int64_t period() { return stages::common_denominator(list); }
  static std::string text() { return stages::text(list); }
};

/// One stage for the whole run: constant<layer_drop<keep<9>>>.
template <class... Drops> using constant = schedule<stage<share<1, 1>, Drops...>>;

/// equal_stages<layer_drop, 6, 8, 10, 12>: the numbers are counts of units.
template <template <class, class...> class Drop, int... Counts>
using equal_stages = schedule<stage<share<1, static_cast<int>(sizeof...(Counts))>, Drop<keep<Counts>>>...>;

}  // namespace raptr
