// SPDX-License-Identifier: Apache-2.0
// Type-erased selectors, scales and profiles, of a type or of a borrowed object. Views are equal if their policies are: by name and
// parameters, never by the functions that they call.
#pragma once

#include <raptr/subnet/rules/policy_list.hpp>

namespace raptr {

/// A type-erased profile; the default has the same share in every block.
struct profile_view {
  const void* object = nullptr;
  double (*in)(const void* object, int block, int layers, double mean) = nullptr;  // may leave 0 to 1
  bool given = false;  // for constants: g++ 12 with -fsanitize=undefined cannot compare a function pointer with null there
  policy_identity identity{};

  constexpr bool varies() const { return given; }
  constexpr double operator()(int block, int layers, double mean) const {
    return given ? checked_share(in(object, block, layers, mean), block, mean) : mean;
  }
  constexpr bool fits(int layers, double mean) const {
    for (int block = 0; given && block < layers; ++block)
      if (!is_share(in(object, block, layers, mean))) return false;
    return true;
  }
  constexpr bool operator==(const profile_view& o) const { return identity == o.identity; }
};

/// A type-erased selector: a borrowed object (null for types) and its functions and properties.
struct selector_view {
  const void* object = nullptr;
  unit_set (*choose)(const void* object, int total, kept_count kept, draw_key key) = nullptr;
  double (*chance)(const void* object, int unit, int total, kept_count kept) = nullptr;
  bool knows_probability = false, on_average = false;
  profile_view by_depth{};  // of coins_by, the probabilities of its profile
  fixed always{};
  policy_identity identity{};

  unit_set operator()(int total, kept_count kept, draw_key key) const { return choose(object, total, kept, key); }
  constexpr double probability(int unit, int total, kept_count kept) const { return chance(object, unit, total, kept); }
  constexpr bool operator==(const selector_view& o) const { return identity == o.identity && always == o.always; }
};
struct scale_view {
  const void* object = nullptr;
  double (*multiply)(const void* object, kept_unit unit) = nullptr;
  bool needs_probability = false, needs_neighbours = false, whole_block = false, per_branch = false;
  double exponent = 1;  // of completep
  policy_identity identity{};

  double operator()(kept_unit unit) const { return multiply(object, unit); }
  constexpr bool operator==(const scale_view& o) const { return identity == o.identity && exponent == o.exponent; }
};

template <unit_selector S> constexpr double chance_of(const S& select, int unit, int total, kept_count kept) {
  if constexpr (tells_probability<S>)
    return select.probability(unit, total, kept);
  else
    return 1.0;
}
template <class S> constexpr fixed always_kept_by(const S& select) {
  if constexpr (has_fixed_units<S>)
    return select.always;
  else
    return {};
}
/// Of user-defined scales no number is read: their identity is their type and object.
template <class S> inline constexpr bool is_library_power = has_exponent<S> && !library_name<S>.empty();
template <class S> inline constexpr bool is_by_depth = false;
template <class P> inline constexpr bool is_by_depth<coins_by<P>> = true;

/// View of a type: no object is needed.
template <depth_profile P> constexpr profile_view view_of() {
  return {nullptr, [](const void*, int block, int layers, double mean) { return P{}.share(block, layers, mean); }, true, identity_of<P>()};
}
template <unit_selector S> constexpr selector_view view_of() {
  selector_view view{nullptr,
                     [](const void*, int total, kept_count kept, draw_key key) { return S{}(total, kept, key); },
                     [](const void*, int unit, int total, kept_count kept) { return chance_of(S{}, unit, total, kept); },
                     tells_probability<S>,
                     keeps_on_average<S>,
                     {},
                     always_kept_by(S{}),
                     identity_of<S>()};
  if constexpr (is_by_depth<S>) view.by_depth = view_of<decltype(S::profile)>();
  return view;
}
template <unit_scale S> constexpr scale_view view_of() {
  scale_view view{nullptr,
                  [](const void*, kept_unit unit) { return S{}(unit); },
                  needs_probability<S>,
                  needs_neighbours<S>,
                  whole_block_scale<S>,
                  per_branch_scale<S>,
                  1,
                  identity_of<S>()};
  if constexpr (is_library_power<S>) view.exponent = S{}.exponent;
  return view;
}
/// View of an object, which must outlive the view.
template <depth_profile P> profile_view view_of(const P& profile) {
  return {&profile, [](const void* p, int block, int layers, double mean) { return static_cast<const P*>(p)->share(block, layers, mean); }, true,
          identity_of(&profile)};
}
template <unit_selector S> selector_view view_of(const S& select) {
  selector_view view{&select,
                     [](const void* s, int total, kept_count kept, draw_key key) { return (*static_cast<const S*>(s))(total, kept, key); },
                     [](const void* s, int unit, int total, kept_count kept) { return chance_of(*static_cast<const S*>(s), unit, total, kept); },
                     tells_probability<S>,
                     keeps_on_average<S>,
                     {},
                     always_kept_by(select),
                     identity_of(&select)};
  if constexpr (is_by_depth<S>) view.by_depth = view_of(select.profile);
  return view;
}
template <unit_scale S> scale_view view_of(const S& scale) {
  scale_view view{&scale,
                  [](const void* s, kept_unit unit) { return (*static_cast<const S*>(s))(unit); },
                  needs_probability<S>,
                  needs_neighbours<S>,
                  whole_block_scale<S>,
                  per_branch_scale<S>,
                  1,
                  identity_of(&scale)};
  if constexpr (is_library_power<S>) view.exponent = scale.exponent;
  return view;
}

}  // namespace raptr
