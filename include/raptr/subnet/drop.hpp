// SPDX-License-Identifier: Apache-2.0
// Drops as types: an axis, an amount, and policies in any order, told apart by what they can do.
// layer_drop<keep<6>, every_other, sqrt_gap> and layer_drop<keep<6>, sqrt_gap, every_other> are the same.
#pragma once

#include <raptr/subnet/rule.hpp>

namespace raptr {

/// The first of a list that is a selector, or a scale; the last one is the default.
template <class...> struct first_selector;
template <class P, class... More> struct first_selector<P, More...> : first_selector<More...> {};
template <unit_selector P, class... More> struct first_selector<P, More...> { using type = P; };
template <class...> struct first_scale;
template <class P, class... More> struct first_scale<P, More...> : first_scale<More...> {};
template <unit_scale P, class... More> struct first_scale<P, More...> { using type = P; };

/// Fewer than the selector always keeps, as far as the count alone can tell.
template <class Keep, class Selector> constexpr bool keeps_its_fixed_units() {
  if constexpr (kept_amount<Keep> && has_fixed_units<Selector>) {
    constexpr amount kept = Keep::value();
    return !kept.is_count() || Selector{}.always.fits(kept.of(unit_set::capacity, "units"));
  } else
    return true;
}

/// The general drop. Fallback is the selector of a drop that names none.
template <class Axis, class Keep, class Fallback, class... Policies> struct drop {
  static_assert(subnet_axis<Axis>, "raptr: an axis has a name, such as raptr::layers");
  static_assert(kept_amount<Keep>, "raptr: a drop says first how much it keeps: raptr::keep<6> units, or a part such as raptr::keep<1, 2>");
  static_assert((drop_policy<Policies> && ...),
                "raptr: a policy of a drop is a selector, called as select(total, kept, key) and returning raptr::unit_set, "
                "or a scale, called as scale(raptr::kept_unit) and returning double");
  static_assert((0 + ... + int{unit_selector<Policies>}) <= 1, "raptr: this drop has two selectors: name one");
  static_assert((0 + ... + int{unit_scale<Policies>}) <= 1, "raptr: this drop has two scales: name one");
  using axis = Axis;
  using selector = typename first_selector<Policies..., Fallback>::type;
  using scale = typename first_scale<Policies..., unscaled>::type;
  static_assert(keeps_its_fixed_units<Keep, selector>(),
                "raptr: this drop keeps fewer units than its selector always keeps: keep more, or fix fewer");
  static constexpr std::string_view name = Axis::name;
  static constexpr amount kept() {
    if constexpr (kept_amount<Keep>)
      return Keep::value();
    else
      return {};
  }
};

/// Drops whole blocks. Without a selector: exactly so many, the first and the last block always [raptr].
template <class Keep, class... Policies> struct layer_drop : drop<layers, Keep, exactly<both_ends>, Policies...> {};

template <class D>
concept subnet_drop = requires {
  typename D::axis;
  typename D::selector;
  typename D::scale;
  { D::kept() } -> std::same_as<amount>;
};

/// The value of a drop.
template <subnet_drop Drop> constexpr drop_rule rule_of() {
  using selector = typename Drop::selector;
  using scale = typename Drop::scale;
  static_assert(!needs_probability<scale> || tells_probability<selector>,
                "raptr: this scale divides by the keep probability, which the selector does not tell: "
                "add 'double probability(int unit, int total, int kept) const' to it");
  return {Drop::name, Drop::axis::name, Drop::kept(), view_of_selector<selector>(), view_of_scale<scale>()};
}

/// The same with all units kept: for rules whose amount comes later, by keeping(amount).
template <template <class, class...> class Drop, class... Policies> constexpr drop_rule rule_of() { return rule_of<Drop<keep<1, 1>, Policies...>>(); }

}  // namespace raptr
