// SPDX-License-Identifier: Apache-2.0
// A selector chooses the units that are kept: (total, kept, key) -> unit_set, independent of the axis. Fixed units are part of
// its type (exactly<both_ends>) or run-time values (exactly_selector{{1, 1}}).
#pragma once

#include <concepts>

#include <raptr/base/random.hpp>
#include <raptr/subnet/rules/amount.hpp>
#include <raptr/subnet/rules/profiles.hpp>
#include <raptr/subnet/unit_set.hpp>

namespace raptr {

/// A pure function of its arguments: equal keys give equal sets. It may draw key.uniform(unit) for every unit. A user-defined
/// selector may take `int kept`.
template <class S>
concept unit_selector = requires(const S& select, int total, kept_count kept, draw_key key) {
  { select(total, kept, key) } -> std::same_as<unit_set>;
};
/// A selector that provides the keep probability of a unit, as probability(unit, total, kept).
template <class S>
concept tells_probability = requires(const S& select, int number, kept_count kept) {
  { select.probability(number, number, kept) } -> std::convertible_to<double>;
};

/// Numbers of units that are always kept, at either end; of_blocks: numbers of blocks, with all of their sub-layers.
struct fixed {
  int first = 0, last = 0;
  bool of_blocks = false;

  constexpr bool operator==(const fixed&) const = default;
  constexpr int count() const { return first + last; }  // valid if both ends fit
  constexpr fixed in_units(int per_block) const { return of_blocks ? fixed{first * per_block, last * per_block} : *this; }
  constexpr bool fits(double kept) const { return first >= 0 && last >= 0 && first <= kept && last <= kept - first; }
  constexpr bool holds(int unit, int total) const { return unit < first || unit >= total - last; }
  /// Throws input_error unless `kept` units can include the fixed ones.
  constexpr void check(double kept) const {
    if (first < 0 || last < 0) errors::fixed_units_are_negative(first, last);
    if (!fits(kept)) errors::stage_keeps_fewer_units_than_are_fixed(kept, first, last);
  }
  /// The keep probability (k - f) / (L - f) of a unit that is not one of the f fixed ones, 1 of one that is [raptr].
  constexpr double probability(int unit, int total, kept_count kept) const {
    const fixed units = in_units(kept.per_block);
    units.check(kept.mean);
    return units.holds(unit, total) || total == units.count() ? 1.0 : (kept.mean - units.count()) / (total - units.count());
  }
};
inline constexpr fixed both_ends{.first = 1, .last = 1};
inline constexpr fixed both_end_blocks{.first = 1, .last = 1, .of_blocks = true};

/// A selector with units that are always kept: its member `always`.
template <class S>
concept has_fixed_units = requires(const S& select) {
  { select.always } -> std::convertible_to<fixed>;
};

/// A selector that keeps the amount only on average: it uses kept.mean, and a fraction need not give a whole number of units.
template <class S>
concept keeps_on_average = requires {
  requires S::on_average;
};

/// Exactly `kept` units; all subsets of the free units are equally likely (selection sampling).
struct exactly_selector {
  static constexpr std::string_view name = "exactly";
  fixed always;

  /// Throws input_error if fewer units are kept than fixed, like bernoulli_selector.
  constexpr unit_set operator()(int total, kept_count kept, draw_key key) const {
    const fixed units = always.in_units(kept.per_block);
    units.check(kept);
    int wanted = kept.count - units.count(), left = total - units.count();
    unit_set chosen;
    for (int unit = 0; unit < total; ++unit) {
      if (units.holds(unit, total))
        chosen.add(unit);
      else if (key.uniform(unit) * left-- < wanted)
        chosen.add(unit), --wanted;
    }
    return chosen;
  }
  constexpr double probability(int unit, int total, kept_count kept) const { return always.probability(unit, total, kept); }
};

/// Independent coin flips with one probability for all free units; `kept` is the mean of their number.
struct bernoulli_selector {
  static constexpr std::string_view name = "bernoulli";
  static constexpr bool on_average = true;
  fixed always;

  constexpr unit_set operator()(int total, kept_count kept, draw_key key) const {
    unit_set chosen;
    for (int unit = 0; unit < total; ++unit)
      if (key.uniform(unit) < probability(unit, total, kept)) chosen.add(unit);
    return chosen;
  }
  constexpr double probability(int unit, int total, kept_count kept) const { return always.probability(unit, total, kept); }
};

/// The first units: each slice is contained in every larger one, as in ordered dropout [fjord].
struct first_units {
  static constexpr std::string_view name = "first";
  constexpr unit_set operator()(int total, kept_count kept, draw_key) const { return unit_set::first(kept.count < total ? kept.count : total); }
};
/// Empty for a profile without a name, such as a user-defined one.
template <depth_profile P> constexpr std::string_view name_of_profile() {
  if constexpr (requires { requires std::same_as<decltype(&P::name), const std::string_view*>; })
    return P::name;
  else
    return {};
}
/// An independent coin flip per unit, with the probability that a profile gives it.
template <depth_profile Profile> struct coins_by {
  static constexpr std::string_view name = name_of_profile<Profile>();
  static constexpr bool on_average = true;
  [[no_unique_address]] Profile profile;

  unit_set operator()(int total, kept_count kept, draw_key key) const {
    unit_set chosen;
    for (int unit = 0; unit < total; ++unit)
      if (key.uniform(unit) < probability(unit, total, kept)) chosen.add(unit);
    return chosen;
  }
  constexpr double probability(int unit, int total, kept_count kept) const { return share_in(profile, unit, total, kept.mean / total); }
};

template <fixed AlwaysKept = fixed{}> struct exactly : exactly_selector {
  constexpr exactly() : exactly_selector{AlwaysKept} {}
};
template <fixed AlwaysKept = fixed{}> struct bernoulli : bernoulli_selector {
  constexpr bernoulli() : bernoulli_selector{AlwaysKept} {}
};

}  // namespace raptr
