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

/// What `base` borrows must outlive the rule. Throws input_error for an unknown name, for policies that cannot be combined and
/// for numbers out of range.
///
///   any_schedule("6-8-10-12", {.rules = {named_rule(rule_of<layer_drop>(), {.selector = "bernoulli", .scale = "sqrt_gap"})}})
inline custom_rule named_rule(const drop_rule& base, const rule_names& names) {
  const auto check_name = [](std::string_view kind, std::string_view name, auto list) {
    if (!name.empty() && !list.has(name)) errors::unknown_name(kind, name, listed(list.names));
  };
  check_name("selector", names.selector, library_selectors{});
  check_name("scale", names.scale, library_scales{});
  check_name("profile", names.profile, library_profiles{});
  if (!(names.exponent >= 0 && names.exponent <= 8))
    errors::number_is_out_of_range("the exponent of completep", names.exponent, "a number from 0 to 8");
  if (!names.profile.empty() && base.in_depth() && (!names.selector.empty() || names.always)) errors::profile_meets_a_selector(base.axis);
  const std::string_view selector = names.selector.empty() && names.always ? base.select.identity.name : names.selector;
  const fixed always = names.always.value_or(base.select.always);
  if (names.always && !accepts_fixed_units(selector)) errors::selector_has_no_fixed_units(base.axis, listed(selectors_with_fixed_units(), " and "));
  if (accepts_fixed_units(selector)) always.check(unit_set::capacity);

  custom_rule made;
  made.rule_ = base;
  made.rule_.once = base.once || names.once;
  library_selectors::with(selector, [&](auto select) {
    if constexpr (has_fixed_units<decltype(select)>) select.always = always;
    made.put(select);
  });
  library_profiles::with(names.profile, [&](auto profile) { made.put(profile); });
  library_scales::with(names.scale, [&](auto scale) {
    if constexpr (has_exponent<decltype(scale)>) scale.exponent = names.exponent;
    made.put(scale);
  });
  made.check();
  return made;
}

}  // namespace raptr
