// SPDX-License-Identifier: Apache-2.0
// The value form of a drop, used by plans, costs and checks. A drop_rule borrows its selector and its scale as a string_view
// borrows its characters, so copies allocate nothing and the rule of a type is a constant. A custom_rule owns policies that a
// program computed; taking a rule from a temporary custom_rule does not compile.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <raptr/subnet/axis.hpp>
#include <raptr/subnet/rules/policy_views.hpp>

namespace raptr {

/// On axes inside a block: the same units, or sequences, in every block of a step. Otherwise each block draws its own.
struct once {};

template <class P>
concept drop_policy = unit_selector<P> || unit_scale<P> || depth_profile<P> || std::same_as<P, once>;

struct drop_rule {
  std::string_view name, axis;  // name: its word in a schedule's text
  unit_place place = unit_place::parts;
  amount kept{};
  selector_view select{};
  scale_view scale{};
  profile_view profile{};  // for axes inside a block; on layers and sublayers the profile is the selector
  bool once = false;

  constexpr drop_rule keeping(amount other) const {
    drop_rule rule = *this;
    rule.kept = other;
    return rule;
  }
  constexpr bool in_depth() const { return place == unit_place::blocks || place == unit_place::sublayers; }
  /// A scale on units inside a part goes to part_plan::unit_factor and scales no block.
  constexpr bool scales_whole_block() const { return scale.whole_block && place != unit_place::parts; }
  /// Of two rules with equal policies, one may be a type and the other a value or a text.
  constexpr bool same_policies(const drop_rule& o) const { return select == o.select && scale == o.scale && profile == o.profile && once == o.once; }
  constexpr amount meant() const { return select.on_average ? kept.on_average() : kept; }
  /// Whether the rule fits a network of `layers` blocks with `total` units on this axis.
  constexpr bool fits(int total, int layers) const {
    if (!meant().fits(total)) return false;
    const double mean = meant().of(total, axis);
    if (mean == total) return true;
    return select.always.in_units(place == unit_place::sublayers ? total / layers : 1).fits(mean) && select.by_depth.fits(total, mean / total) &&
           profile.fits(layers, mean / total);
  }
  /// The number kept of `total` units, on average. Throws input_error if the model has fewer, a fraction gives no whole number,
  /// or more are fixed. Keeping all units is valid for every selector.
  constexpr double kept_of(int total) const {
    const double mean = meant().of(total, axis);
    if (mean < total) select.always.check(mean);
    return mean;
  }
  /// The same in one block of `layers`.
  constexpr double kept_in(int block, int layers, int total) const {
    const double mean = kept_of(total);
    return profile.varies() && mean < total ? total * profile(block, layers, mean / total) : mean;
  }
};

/// Why these policies cannot be combined; empty if they can.
constexpr std::string_view policy_problem(const drop_rule& r) {
  if (r.scale.needs_probability && !r.select.knows_probability)
    return "divides by the keep probability, which its selector does not provide: add probability(unit, total, kept) to it";
  if (r.in_depth()) return r.once ? "is always drawn once: leave `once` out" : "";
  if (r.scale.needs_neighbours) return "has a scale that measures the distance between kept blocks: use it on layers or sublayers";
  if (r.place == unit_place::parts && r.scale.per_branch)
    return "has a scale for the branches of a block: for the units inside a part use inverse or sqrt_inverse";
  if (r.scale.needs_probability && r.select.always.count() != 0)
    return "divides by one keep probability for all units, but some are always kept: fix none, or leave the scale out";
  return "";
}

struct rule_names;  // named_rule.hpp

/// A rule with policies that are values: custom_rule(rule_of<layer_drop<keep<9>>>(), exactly_selector{{2, 1}}, inverse{}).
/// Rules taken from it are valid as long as it or a copy of it exists.
class custom_rule {
 public:
  /// Throws input_error if the policies cannot be combined.
  template <class... Policies> custom_rule(drop_rule base, Policies... policies) : rule_(base) {
    static_assert((drop_policy<Policies> && ...), "raptr: a policy of a rule is a selector, a scale, a profile or raptr::once");
    static_assert((0 + ... + int{unit_selector<Policies>}) <= 1, "raptr: this rule has two selectors: name one");
    static_assert((0 + ... + int{unit_scale<Policies>}) <= 1, "raptr: this rule has two scales: name one");
    static_assert((0 + ... + int{depth_profile<Policies>}) <= 1, "raptr: this rule has two profiles: name one");
    (put(std::move(policies)), ...);
    if ((depth_profile<Policies> || ...) && (unit_selector<Policies> || ...) && rule_.in_depth()) errors::profile_meets_a_selector(rule_.axis);
    check();
  }
  const drop_rule& rule() const& { return rule_; }
  const drop_rule& rule() && = delete;  // the rule would outlive its selector
  /// The same rule under another name, which the result owns.
  custom_rule named(std::string word) const {
    custom_rule other = *this;
    other.rule_.name = other.hold(std::move(word));
    return other;
  }

 private:
  friend custom_rule named_rule(const drop_rule& base, const rule_names& names);
  custom_rule() = default;

  void check() const {
    if (const std::string_view problem = policy_problem(rule_); !problem.empty())
      errors::policy_does_not_fit_the_axis(rule_.axis, std::string(problem));
  }
  template <class Policy> void put(Policy policy) {
    if constexpr (std::same_as<Policy, raptr::once>) {
      rule_.once = true;
    } else if constexpr (depth_profile<Policy>) {
      if (rule_.in_depth())
        put(coins_by<Policy>{std::move(policy)});
      else
        rule_.profile = view_of_held(std::move(policy));
    } else if constexpr (unit_selector<Policy>) {
      rule_.select = view_of_held(std::move(policy));
    } else {
      rule_.scale = view_of_held(std::move(policy));
    }
  }
  template <class Policy> auto view_of_held(Policy policy) {
    if constexpr (std::is_empty_v<Policy> && std::is_trivially_default_constructible_v<Policy>)
      return view_of<Policy>();  // nothing to hold
    else
      return view_of(hold(std::move(policy)));
  }
  template <class Policy> const Policy& hold(Policy policy) {
    auto kept = std::make_shared<const Policy>(std::move(policy));
    held_.push_back(kept);
    return *kept;
  }
  drop_rule rule_;
  std::vector<std::shared_ptr<const void>> held_;
};

/// The drops of a stage and its share of the steps. Without a rule the full network trains.
class stage_rule {
 public:
  static constexpr int most = 8;
  fraction share;

  /// Throws input_error for a second rule on one axis.
  constexpr void add(const drop_rule& rule) {
    for (const drop_rule& r : *this)
      if (r.axis == rule.axis) errors::two_drops_on_one_axis(rule.axis);
    if (size_ == most) errors::stage_has_too_many_drops(most);
    rules_[static_cast<std::size_t>(size_++)] = rule;
  }
  /// Null if nothing is dropped on that axis. Not constexpr: g++ 12 with -fsanitize=undefined rejects such a pointer as a constant.
  const drop_rule* find(std::string_view axis) const {
    for (const drop_rule& r : *this)
      if (r.axis == axis) return &r;
    return nullptr;
  }
  constexpr const drop_rule* begin() const { return rules_.data(); }
  constexpr const drop_rule* end() const { return rules_.data() + size_; }

 private:
  std::array<drop_rule, most> rules_{};
  int size_ = 0;
};

}  // namespace raptr
