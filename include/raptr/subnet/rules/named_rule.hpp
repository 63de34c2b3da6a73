// SPDX-License-Identifier: Apache-2.0
// Rules from names and numbers, as given on a command line. The reader of schedule texts uses named_rule() for the policies in
// parentheses after a word, so equal names give equal rules in a program and in a text.
#pragma once

#include <optional>

#include <raptr/subnet/rules/library_rules.hpp>

namespace raptr {

/// An empty name keeps the policy of the base.
struct rule_names {
  std::string_view selector{}, scale{}, profile{};
  std::optional<fixed> always{};  // for exactly and bernoulli
  bool once = false;
  double exponent = 1;  // of completep
};

inline constexpr std::array<std::string_view, 3> selector_names{"exactly", "bernoulli", "first"};
inline constexpr std::array<std::string_view, 6> scale_names{"unscaled", "sqrt_gap", "sqrt_inverse", "inverse", "inverse_per_branch", "completep"};
inline constexpr std::array<std::string_view, 2> profile_names{"linear", "linear_from_first"};

/// All names of a list, separated by commas, for messages.
inline std::string listed(const auto& names) {
  std::string text;
  for (const std::string_view name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}
constexpr bool is_one_of(const auto& names, std::string_view name) {
  for (const std::string_view n : names)
    if (n == name) return true;
  return false;
}

/// What `base` borrows must outlive the rule. Throws input_error for an unknown name, for policies that cannot be combined and
/// for numbers out of range.
///
///   any_schedule("6-8-10-12", {.rules = {named_rule(rule_of<layer_drop>(), {.selector = "bernoulli", .scale = "sqrt_gap"})}})
inline custom_rule named_rule(const drop_rule& base, const rule_names& names) {
  if (!names.selector.empty() && !is_one_of(selector_names, names.selector)) errors::unknown_name("selector", names.selector, listed(selector_names));
  if (!names.scale.empty() && !is_one_of(scale_names, names.scale)) errors::unknown_name("scale", names.scale, listed(scale_names));
  if (!names.profile.empty() && !is_one_of(profile_names, names.profile)) errors::unknown_name("profile", names.profile, listed(profile_names));
  if (!(names.exponent >= 0 && names.exponent <= 8))
    errors::number_is_out_of_range("the exponent of completep", names.exponent, "a number from 0 to 8");

  drop_rule rule = base;
  rule.once = base.once || names.once;
  if (names.scale == "unscaled") rule.scale = view_of_scale<unscaled>();
  if (names.scale == "sqrt_gap") rule.scale = view_of_scale<sqrt_gap>();
  if (names.scale == "sqrt_inverse") rule.scale = view_of_scale<sqrt_inverse>();
  if (names.scale == "inverse") rule.scale = view_of_scale<inverse>();
  if (names.scale == "inverse_per_branch") rule.scale = view_of_scale<inverse_per_branch>();

  if (!names.profile.empty() && rule.in_depth()) {
    if (!names.selector.empty() || names.always) errors::profile_meets_a_selector(rule.axis);
    rule.select = names.profile == "linear" ? view_of_selector<coins_by<linear_in_depth>>() : view_of_selector<coins_by<linear_from_first>>();
  } else if (!names.profile.empty()) {
    rule.profile = names.profile == "linear" ? view_of_profile<linear_in_depth>() : view_of_profile<linear_from_first>();
  }

  std::string kind(names.selector);
  if (kind.empty() && names.always) kind = policy_words::of(base.select).value_or("own");
  const fixed always = names.always.value_or(base.select.always);
  if (names.always && kind != "exactly" && kind != "bernoulli")
    errors::policy_does_not_fit_the_axis(rule.axis, "has fixed units, which only the selectors exactly and bernoulli support: name one of them");
  if (kind == "first") rule.select = view_of_selector<first_units>();
  if (kind == "exactly" || kind == "bernoulli") always.check(unit_set::capacity);

  const auto with_scale = [&](auto... selector) {
    return names.scale == "completep" ? custom_rule(rule, selector..., completep_scale{names.exponent}) : custom_rule(rule, selector...);
  };
  if (kind == "exactly") return with_scale(exactly_selector{always});
  if (kind == "bernoulli") return with_scale(bernoulli_selector{always});
  return with_scale();
}

}  // namespace raptr
