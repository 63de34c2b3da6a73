// SPDX-License-Identifier: Apache-2.0
// What an update rule is: an elementwise functor. What all rules have in common (which ranges, clipping, skipping, step counts,
// dropped parts) is written once, in optimizer.hpp.
#pragma once

#include <concepts>
#include <cstddef>
#include <utility>

#include <raptr/base/config.hpp>

namespace raptr {

/// What an update needs to know of its unit. decay: the rule's weight decay, or 0 where nothing decays (norms, biases).
template <class S> struct unit_scalars {
  S rate, decay;
  int count;  // steps of this unit, this one included
  S correct1, correct2;
};

/// Values this small have no effect, but slow the processor down: moments of a part that is not drawn for long end here.
template <class S> RAPTR_BOTH inline S flush(S x) {
  const S size = x < S(0) ? -x : x;
  return size < S(1e-30) ? S(0) : x;
}

namespace detail {
template <class R, std::size_t... Moment> constexpr bool updates(std::index_sequence<Moment...>) {
  return requires(const R& rule, const unit_scalars<float>& u, float& w, float g) { rule.update(u, w, g, ((void)Moment, w)...); };
}
}  // namespace detail

///   lr, weight_decay   the peak learning rate; the decay of the weights that decay
///   moments            how many numbers it keeps for each weight
///   moment_names       their names in files
///   flops              of one element, the norm of the gradient included
///   prepare(unit)      once for each unit: what does not depend on the element, such as bias correction
///   update(unit, w, g, moments...)   one element; g is clipped already
template <class R>
concept optimizer_rule = requires(const R& rule, unit_scalars<float>& u) {
  { rule.lr } -> std::convertible_to<double>;
  { rule.weight_decay } -> std::convertible_to<double>;
  { R::moments } -> std::convertible_to<int>;
  { R::flops } -> std::convertible_to<double>;
  rule.prepare(u);
}
&&detail::updates<R>(std::make_index_sequence<std::size_t(R::moments)>{});

}  // namespace raptr
