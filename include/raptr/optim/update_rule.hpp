// SPDX-License-Identifier: Apache-2.0
// Update rules: elementwise functors. Everything common to all rules (ranges, clipping, skipping, step counts, dropped parts) is
// in optimizer.hpp.
#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <type_traits>
#include <utility>

#include <raptr/base/config.hpp>
#include <raptr/base/math.hpp>

namespace raptr {

/// The per-unit arguments of an update. decay: the rule's weight decay, or 0 for weights that do not decay (norms, biases).
template <class S> struct unit_scalars {
  S rate, decay;
  int count;  // steps of this unit, including this one
  S correct1, correct2;
};

/// Sets values below 1e-30 to 0: they have no effect, but would decay to subnormals, which are slow, in parts dropped for long.
template <class V> RAPTR_BOTH inline auto flush(const V& x) { return math::flush_below(x, 1e-30); }

namespace detail {
template <class R, class S, std::size_t... Moment> constexpr bool updates(std::index_sequence<Moment...>) {
  constexpr bool takes_references = requires(const R& rule, const unit_scalars<S>& u, S& w, S g) { rule.update(u, w, g, ((void)Moment, w)...); };
  constexpr bool takes_copies = requires(const R& rule, const unit_scalars<S>& u, S g) { rule.update(u, S(g), g, ((void)Moment, S(g))...); };
  return takes_references && !takes_copies;
}
/// Not a disjunction in the concept, because clang 14 looks up moment_names in a rule without moments too.
template <class R> constexpr bool names_its_moments() {
  if constexpr (R::moments == 0)
    return true;
  else if constexpr (requires { std::size(R::moment_names); })
    return std::size(R::moment_names) == std::size_t(R::moments);
  else
    return false;
}
}  // namespace detail

///   lr, weight_decay   the peak learning rate; the decay of the weights that decay
///   moments            number of moments per weight
///   moment_names       their names in files, an array of as many strings; not needed without moments
///   flops              per element, including the norm of the gradient
///   prepare(unit)      once per unit: computes what does not depend on the element, such as bias correction
///   update(unit, w, g, moments...)   one element, w and the moments by reference; g is clipped already
///   on_arrays          optional: true if update() also computes with arrays, see backend/row_kernel.hpp
///   settings()         optional: a text with name and numbers, which a run in a folder records, so that it resumes with the same
template <class R, class S = float>
concept optimizer_rule = std::is_trivially_copyable_v<R> && requires(const R& rule, unit_scalars<S>& u) {
  { rule.lr } -> std::convertible_to<double>;
  { rule.weight_decay } -> std::convertible_to<double>;
  requires std::bool_constant<(R::moments >= 0)>::value;
  requires detail::names_its_moments<R>();
  { R::flops } -> std::convertible_to<double>;
  rule.prepare(u);
} && detail::updates<R, S>(std::make_index_sequence<std::size_t(R::moments)>{});

}  // namespace raptr
