// SPDX-License-Identifier: Apache-2.0
// Drops as types: an axis, an amount, and policies in any order (selector, scale, profile, once), distinguished by the
// concepts that they satisfy.
// layer_drop<keep<6>, every_other, sqrt_gap> and layer_drop<keep<6>, sqrt_gap, every_other> are the same.
#pragma once

#include <raptr/subnet/rules/drop_rule.hpp>

namespace raptr {

/// The first selector, or scale, of a list; the last element is the default.
template <class...> struct first_selector;
template <class P, class... More> struct first_selector<P, More...> : first_selector<More...> {};
template <unit_selector P, class... More> struct first_selector<P, More...> { using type = P; };
template <class...> struct first_scale;
template <class P, class... More> struct first_scale<P, More...> : first_scale<More...> {};
template <unit_scale P, class... More> struct first_scale<P, More...> { using type = P; };

template <class...> struct first_profile { using type = void; };
template <class P, class... More> struct first_profile<P, More...> : first_profile<More...> {};
template <depth_profile P, class... More> struct first_profile<P, More...> { using type = P; };

/// The selector of a drop that names none: on layers and sublayers its profile, if it has one.
template <class Axis, class Fallback, class Profile> struct default_selector { using type = Fallback; };
template <class Axis, class Fallback, depth_profile Profile>
requires(place_of<Axis>() == unit_place::blocks || place_of<Axis>() == unit_place::sublayers) struct default_selector<Axis, Fallback, Profile> {
  using type = coins_by<Profile>;
};

/// Whether the drop keeps the fixed units of its selector, checked for counts only.
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
  static_assert(kept_amount<Keep>, "raptr: a drop starts with the amount that it keeps: raptr::keep<6> units, or a part such as raptr::keep<1, 2>");
  static_assert((drop_policy<Policies> && ...),
                "raptr: a policy of a drop is a selector, called as select(total, kept, key) and returning raptr::unit_set, "
                "a scale, called as scale(raptr::kept_unit) and returning double, a profile with share(block, layers, mean), or raptr::once");
  static_assert((0 + ... + int{unit_selector<Policies>}) <= 1, "raptr: this drop has two selectors: name one");
  static_assert((0 + ... + int{unit_scale<Policies>}) <= 1, "raptr: this drop has two scales: name one");
  static_assert((0 + ... + int{depth_profile<Policies>}) <= 1, "raptr: this drop has two profiles: name one");
  using axis = Axis;
  static constexpr unit_place place = place_of<Axis>();
  static constexpr bool in_depth = place == unit_place::blocks || place == unit_place::sublayers;
  using profile = typename first_profile<Policies...>::type;
  using selector = typename first_selector<Policies..., typename default_selector<Axis, Fallback, profile>::type>::type;
  using scale = typename first_scale<Policies..., unscaled>::type;
  static constexpr bool drawn_once = (std::same_as<Policies, once> || ...);
  static_assert(!in_depth || std::is_void_v<profile> || !(unit_selector<Policies> || ...),
                "raptr: on layers and sublayers a profile draws each unit independently: leave the selector out");
  static_assert(!in_depth || !drawn_once, "raptr: layers and sublayers are always drawn once: leave raptr::once out");
  static_assert(in_depth || !needs_neighbours<scale>, "raptr: this scale measures the distance between kept blocks: use it on layers or sublayers");
  static_assert(place != unit_place::parts || !per_branch_scale<scale>,
                "raptr: this scale is for the branches of a block: for the units inside a part use raptr::inverse or raptr::sqrt_inverse");
  static_assert(in_depth || !needs_probability<scale> || always_kept_by(selector{}).count() == 0,
                "raptr: this scale divides by one keep probability for all units, but some are always kept: fix none, or leave the scale out");
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

/// Drops whole blocks. Default selector: exactly the given number, always with the first and the last block [raptr].
template <class Keep, class... Policies> struct layer_drop : drop<layers, Keep, exactly<both_ends>, Policies...> {};
/// Drops attention and mlp separately; the first and the last block are always kept whole.
template <class Keep, class... Policies> struct sublayer_drop : drop<sublayers, Keep, exactly<both_end_blocks>, Policies...> {};
/// Drops key-value groups of attention with their query heads; keeps exactly the given number, drawn for each block.
template <class Keep, class... Policies> struct head_drop : drop<heads, Keep, exactly<>, Policies...> {};
/// Drops groups of neurons of the mlp; keeps exactly the given number, drawn for each block.
template <class Keep, class... Policies> struct neuron_drop : drop<neurons, Keep, exactly<>, Policies...> {};
/// Keeps the first groups of neurons, the same at every step [fjord]. Named "width" in texts; its axis is neurons.
template <class Keep, class... Policies> struct width_slice : drop<neurons, Keep, first_units, Policies...> {
  static constexpr std::string_view name = "width";
};
/// Lets some sequences of the step skip a block, drawn for each block: per-sample stochastic depth.
template <class Keep, class... Policies> struct sequence_drop : drop<sequences, Keep, exactly<>, Policies...> {};

template <class D>
concept subnet_drop = requires {
  typename D::axis;
  typename D::selector;
  typename D::scale;
  { D::kept() } -> std::same_as<amount>;
};

/// The drop_rule of a drop type.
template <subnet_drop Drop> constexpr drop_rule rule_of() {
  using selector = typename Drop::selector;
  using scale = typename Drop::scale;
  static_assert(!needs_probability<scale> || tells_probability<selector>,
                "raptr: this scale divides by the keep probability, which the selector does not provide: "
                "add 'double probability(int unit, int total, int kept) const' to it");
  drop_rule rule{Drop::name, Drop::axis::name, Drop::place, Drop::kept(), view_of<selector>(), view_of<scale>()};
  rule.once = Drop::drawn_once;
  if constexpr (!Drop::in_depth && depth_profile<typename Drop::profile>) rule.profile = view_of<typename Drop::profile>();
  return rule;
}

/// The same with all units kept, for rules whose amount is set later by keeping(amount).
template <template <class, class...> class Drop, class... Policies> constexpr drop_rule rule_of() { return rule_of<Drop<keep<1, 1>, Policies...>>(); }

}  // namespace raptr
