// SPDX-License-Identifier: Apache-2.0
// The library's names for drops, and how the policies of a rule are spelled after a name. Policies are recognised by their
// type, so a rule from a type, from a program and from a text has the same text.
#pragma once

#include <optional>
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

namespace policy_words {

/// Whether a view was made from this type or from an object of it.
template <class S> bool is(const selector_view& v) { return v.choose == view_of_selector<S>().choose || v.choose == view_of(S{}).choose; }
template <class S> bool is(const scale_view& v) { return v.multiply == view_of_scale<S>().multiply || v.multiply == view_of(S{}).multiply; }
template <class P> bool is(const profile_view& v) { return v.in == view_of_profile<P>().in || v.in == view_of(P{}).in; }

/// Empty for a user-defined selector.
inline std::optional<std::string> of(const selector_view& v) {
  if (!v.word.empty()) return std::string(v.word);
  if (is<first_units>(v)) return "first";
  if (is<coins_by<linear_in_depth>>(v)) return "linear";
  if (is<coins_by<linear_from_first>>(v)) return "linear_from_first";
  return {};
}
inline std::optional<std::string> of(const scale_view& v) {
  if (is<unscaled>(v)) return "unscaled";
  if (is<sqrt_gap>(v)) return "sqrt_gap";
  if (is<sqrt_inverse>(v)) return "sqrt_inverse";
  if (is<inverse>(v)) return "inverse";
  if (is<inverse_per_branch>(v)) return "inverse_per_branch";
  if (is<completep<>>(v)) return "completep";
  if (is<completep<1, 2>>(v)) return "completep:0.5";
  if (v.multiply == view_of(completep_scale{}).multiply) {
    const double exponent = static_cast<const completep_scale*>(v.object)->exponent;
    return exponent == 1 ? "completep" : "completep:" + decimal_text(exponent);
  }
  return {};
}
inline std::optional<std::string> of(const profile_view& v) {
  if (is<linear_in_depth>(v)) return "linear";
  if (is<linear_from_first>(v)) return "linear_from_first";
  return {};
}

}  // namespace policy_words

/// The word of a rule in a schedule's text, with the policies that are not the default: "layers(bernoulli, sqrt_gap)".
/// Only the word if it or one of the policies is user-defined: the reader then needs the rule itself.
inline std::string word_of(const drop_rule& rule) {
  const drop_rule* const usual = library_rule(rule.name);
  std::string word(rule.name);
  if (!usual || rule.same_policies(*usual)) return word;
  std::string policies;
  const auto add = [&](const std::string& policy) { policies.append(policies.empty() ? "(" : ", ").append(policy); };
  const auto select = policy_words::of(rule.select), scale = policy_words::of(rule.scale), profile = policy_words::of(rule.profile);
  if (!select || !scale || (rule.profile.varies() && !profile)) return word;
  if (*select != policy_words::of(usual->select)) add(*select);
  const fixed always = rule.select.always, usually = usual->select.always;
  const bool may_fix = *select == "exactly" || *select == "bernoulli";
  if (may_fix && (always.first != usually.first || always.last != usually.last))
    add("fixed:" + std::to_string(always.first) + ":" + std::to_string(always.last));
  if (profile) add(*profile);
  if (*scale != "unscaled") add(*scale);
  if (rule.once) add("once");
  return policies.empty() ? word : word + policies + ")";
}

}  // namespace raptr
