// SPDX-License-Identifier: Apache-2.0
// A rule for the word "layers" from names and numbers, as a command line has them.
#pragma once

#include <raptr/subnet/drop.hpp>

namespace raptr {

struct rule_names {
  std::string_view selector = "exactly", scale = "unscaled";
  fixed always = both_ends;
};

inline constexpr std::array<std::string_view, 2> selector_names{"exactly", "bernoulli"};
inline constexpr std::array<std::string_view, 5> scale_names{"unscaled", "sqrt_gap", "sqrt_inverse", "inverse", "inverse_per_branch"};

/// Throws input_error for a name that does not exist and for negative numbers of fixed units.
///
///   any_schedule("6-8-10-12", {.rules = {named_rule({.selector = "bernoulli", .scale = "sqrt_gap"})}})
inline custom_rule named_rule(const rule_names& names) {
  constexpr auto list = [](const auto& all) {
    std::string text;
    for (const std::string_view name : all) text.append(text.empty() ? "" : ", ").append(name);
    return text;
  };
  names.always.check(unit_set::capacity);
  const auto with_scale = [&](auto selector) -> custom_rule {
    const drop_rule base = rule_of<layer_drop>();
    if (names.scale == "unscaled") return {base, selector, unscaled{}};
    if (names.scale == "sqrt_gap") return {base, selector, sqrt_gap{}};
    if (names.scale == "sqrt_inverse") return {base, selector, sqrt_inverse{}};
    if (names.scale == "inverse") return {base, selector, inverse{}};
    if (names.scale == "inverse_per_branch") return {base, selector, inverse_per_branch{}};
    errors::unknown_name("scale", names.scale, list(scale_names));
  };
  if (names.selector == "exactly") return with_scale(exactly_selector{names.always});
  if (names.selector == "bernoulli") return with_scale(bernoulli_selector{names.always});
  errors::unknown_name("selector", names.selector, list(selector_names));
}

}  // namespace raptr
