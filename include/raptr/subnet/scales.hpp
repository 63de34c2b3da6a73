// SPDX-License-Identifier: Apache-2.0
// A scale says by what a kept block is multiplied. Every scale is 1 for the full network. On a block with post_norm the
// factor multiplies the branch inside the norm. Which scale the method's paper used is not known here: all are choices.
#pragma once

#include <cmath>
#include <concepts>

namespace raptr {

/// next: the next kept unit, or total. probability: 1 if the selector does not tell.
struct kept_unit {
  int unit, next, total;
  double probability;
};

/// A function of one kept unit. It says with static members what it needs or does: needs_probability, whole_block.
template <class S>
concept unit_scale = requires(const S& scale, kept_unit u) {
  { scale(u) } -> std::same_as<double>;
};
template <class S>
concept needs_probability = requires {
  requires S::needs_probability;
};
/// Multiplies what the whole block adds, once, instead of every branch. Not defined for a post-norm block.
template <class S>
concept whole_block_scale = requires {
  requires S::whole_block;
};

struct unscaled {
  constexpr double operator()(kept_unit) const { return 1.0; }
};
/// Root of the distance to the next kept block: the squares sum to L when block 0 is kept.
struct sqrt_gap {
  double operator()(kept_unit u) const { return std::sqrt(static_cast<double>(u.next - u.unit)); }
};
struct sqrt_inverse {
  static constexpr bool needs_probability = true;
  double operator()(kept_unit u) const { return 1.0 / std::sqrt(u.probability); }
};
/// 1/p on every branch by itself: biased where attention and mlp are dropped together.
struct inverse_per_branch {
  static constexpr bool needs_probability = true;
  constexpr double operator()(kept_unit u) const { return 1.0 / u.probability; }
};
/// 1/p once, on what the whole block adds: unbiased.
struct inverse {
  static constexpr bool needs_probability = true, whole_block = true;
  constexpr double operator()(kept_unit u) const { return 1.0 / u.probability; }
};

}  // namespace raptr
