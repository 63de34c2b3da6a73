// SPDX-License-Identifier: Apache-2.0
// The policies of the library, in one list: the reader and the writer of texts, the sentences that state what is allowed, the help
// of programs and comparisons all use it. To add a policy, give it a name and add it here; a user-defined one is in no list.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <raptr/subnet/rules/scales.hpp>
#include <raptr/subnet/rules/selectors.hpp>

namespace raptr {

template <class... Policies> struct policy_list {
  static constexpr std::array<std::string_view, sizeof...(Policies)> names{Policies::name...};
  template <class P> static constexpr bool contains = (std::same_as<P, Policies> || ...);

  static constexpr bool has(std::string_view name) { return ((Policies::name == name) || ...); }
  /// Calls use(P{}) for the policy P of this name; does nothing if there is none.
  static constexpr void with(std::string_view name, auto use) { ((Policies::name == name ? use(Policies{}) : void()), ...); }
  /// The names of the policies P for which wanted(P{}) is true.
  static std::vector<std::string_view> names_where(auto wanted) {
    std::vector<std::string_view> some;
    ((wanted(Policies{}) ? some.push_back(Policies::name) : void()), ...);
    return some;
  }
};

using library_selectors = policy_list<exactly_selector, bernoulli_selector, first_units>;
using library_profiles = policy_list<linear_in_depth, linear_from_first>;
using library_scales = policy_list<unscaled, sqrt_gap, sqrt_inverse, inverse, inverse_per_branch, completep_scale>;

/// The names of selectors that accept fixed units, and of scales without a number.
inline std::vector<std::string_view> selectors_with_fixed_units() {
  return library_selectors::names_where([](auto select) { return has_fixed_units<decltype(select)>; });
}
inline std::vector<std::string_view> scales_without_exponent() {
  return library_scales::names_where([](auto scale) { return !has_exponent<decltype(scale)>; });
}
/// Whether the selector of this name has fixed units.
constexpr bool accepts_fixed_units(std::string_view selector) {
  bool accepts = false;
  library_selectors::with(selector, [&](auto select) { accepts = has_fixed_units<decltype(select)>; });
  return accepts;
}
/// All names of a list in one string, for messages.
inline std::string listed(const auto& names, std::string_view between = ", ") {
  std::string text;
  for (const std::string_view name : names) text.append(text.empty() ? "" : between).append(name);
  return text;
}

/// The name of a type that the library's list has, as itself or as a value: exactly<both_ends> is exactly_selector{both_ends}. Empty for
/// every other type, also for one that has or inherits a name of the list.
template <class P> constexpr std::string_view listed_name() {
  if constexpr (library_selectors::contains<P> || library_profiles::contains<P> || library_scales::contains<P>)
    return P::name;
  else
    return {};
}
template <class P> inline constexpr std::string_view library_name = listed_name<P>();
template <fixed AlwaysKept> inline constexpr std::string_view library_name<exactly<AlwaysKept>> = exactly_selector::name;
template <fixed AlwaysKept> inline constexpr std::string_view library_name<bernoulli<AlwaysKept>> = bernoulli_selector::name;
template <int Num, int Den> inline constexpr std::string_view library_name<completep<Num, Den>> = completep_scale::name;
template <class Profile> inline constexpr std::string_view library_name<coins_by<Profile>> = library_name<Profile>;

/// A variable for each type, whose address stands for the type. Not const, because a linker may also fold equal constants.
template <class P> inline char type_mark = 0;

/// What a policy is. One of the library is its name, and its parameters are compared beside it. A user-defined one is its type and,
/// if it has state, its object. The addresses of functions do not serve: a linker that folds identical code (--icf=all of lld and gold)
/// gives `inverse` and `inverse_per_branch` one function.
struct policy_identity {
  std::string_view name{};
  const void* type = nullptr;
  const void* state = nullptr;

  constexpr bool operator==(const policy_identity&) const = default;
};
/// Without an object: the identity of a policy that is given as a type.
template <class P> constexpr policy_identity identity_of(const P* object = nullptr) {
  if constexpr (!library_name<P>.empty())
    return {.name = library_name<P>};
  else
    return {.type = &type_mark<P>, .state = std::is_empty_v<P> ? nullptr : object};
}

}  // namespace raptr
