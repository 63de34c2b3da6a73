// SPDX-License-Identifier: Apache-2.0
// The library's names for drops, and how the policies of a rule are spelled after a name. A rule from a type, from a program and
// from a text has the same text.
#pragma once

#include <string>

#include <raptr/subnet/rules/drop.hpp>

namespace raptr {

/// The rules that the words of a schedule's text stand for without policies.
inline constexpr std::array<drop_rule, 6> library_rules{rule_of<layer_drop>(),  rule_of<sublayer_drop>(), rule_of<head_drop>(),
                                                        rule_of<neuron_drop>(), rule_of<width_slice>(),   rule_of<sequence_drop>()};
/// Null if the library has no such word.
inline const drop_rule* library_rule(std::string_view word) {
  for (const drop_rule& r : library_rules)
    if (r.name == word) return &r;
  return nullptr;
}

/// The word of a rule in a schedule's text, with the policies that are not the default: "layers(bernoulli, sqrt_gap)".
/// Only the word if it or one of the policies is user-defined: the reader then needs the rule itself.
inline std::string word_of(const drop_rule& rule) {
  const drop_rule* const usual = library_rule(rule.name);
  std::string word(rule.name);
  if (!usual || rule.same_policies(*usual)) return word;
  std::string policies;
  const auto add = [&](const std::string& policy) { policies.append(policies.empty() ? "(" : ", ").append(policy); };
  const std::string_view select = rule.select.identity.name, scale = rule.scale.identity.name, profile = rule.profile.identity.name;
  if (select.empty() || scale.empty() || (rule.profile.varies() && profile.empty())) return word;
  if (select != usual->select.identity.name) add(std::string(select));
  const fixed always = rule.select.always;
  if (accepts_fixed_units(select) && always != usual->select.always) {
    if (always.of_blocks) errors::schedule_has_no_text();  // a text counts units
    add("fixed:" + std::to_string(always.first) + ":" + std::to_string(always.last));
  }
  if (!profile.empty()) add(std::string(profile));
  if (rule.scale != usual->scale) add(std::string(scale) + (rule.scale.exponent == 1 ? "" : ":" + decimal_text(rule.scale.exponent)));
  if (rule.once) add("once");
  return policies.empty() ? word : word + policies + ")";
}

}  // namespace raptr
