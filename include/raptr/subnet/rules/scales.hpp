// SPDX-License-Identifier: Apache-2.0
// A scale is the factor applied to the output of a kept unit. Every scale is 1 for the full network. In a block with post_norm
// the factor multiplies the branch inside the norm. Which scale the method's paper used is unknown, so it is a choice.
#pragma once

#include <cmath>
#include <concepts>
#include <string_view>

#include <raptr/base/config.hpp>

namespace raptr {

/// A kept block or sub-layer, or the kept units of one part or the kept sequences of one block as a whole (then unit 0 of
/// 1). next: the next kept unit, or total. probability: 1 if the selector does not provide it. share: kept, on average.
struct kept_unit {
  int unit, next, total;
  double probability, share;
};

/// A function of one kept unit. Optional static members, false by default, declare its requirements and effect:
///   needs_probability   the selector must provide the probability
///   needs_neighbours    the axis must be ordered in depth: layers or sublayers
///   whole_block         multiplies what the whole block adds, once; not defined for a post-norm block
///   per_branch          applies to the branches of a block, not to units inside one
template <class S>
concept unit_scale = requires(const S& scale, kept_unit u) {
  { scale(u) } -> std::same_as<double>;
};
template <class S>
concept needs_probability = requires {
  requires S::needs_probability;
};
template <class S>
concept needs_neighbours = requires {
  requires S::needs_neighbours;
};
template <class S>
concept whole_block_scale = requires {
  requires S::whole_block;
};
template <class S>
concept per_branch_scale = requires {
  requires S::per_branch;
};

/// A scale with a number: its member `exponent`.
template <class S>
concept has_exponent = requires(const S& scale) {
  { scale.exponent } -> std::convertible_to<double>;
};

struct unscaled {
  static constexpr std::string_view name = "unscaled";
  constexpr double operator()(kept_unit) const { return 1.0; }
};
/// Square root of the distance to the next kept block: the squares sum to L when block 0 is kept.
struct sqrt_gap {
  static constexpr std::string_view name = "sqrt_gap";
  static constexpr bool needs_neighbours = true;
  double operator()(kept_unit u) const { return std::sqrt(static_cast<double>(u.next - u.unit)); }
};
/// 1/sqrt(p): preserves the mean of the square.
struct sqrt_inverse {
  static constexpr std::string_view name = "sqrt_inverse";
  static constexpr bool needs_probability = true;
  double operator()(kept_unit u) const { return 1.0 / std::sqrt(u.probability); }
};
/// 1/p once, on what the block, the sub-layer or the units of a part add: preserves the mean.
struct inverse {
  static constexpr std::string_view name = "inverse";
  static constexpr bool needs_probability = true, whole_block = true;
  constexpr double operator()(kept_unit u) const { return 1.0 / u.probability; }
};
/// 1/p on each branch of a block separately: biased where attention and mlp are dropped together.
struct inverse_per_branch {
  static constexpr std::string_view name = "inverse_per_branch";
  static constexpr bool needs_probability = true, per_branch = true;
  constexpr double operator()(kept_unit u) const { return 1.0 / u.probability; }
};
/// (L / k)^exponent on the branches of every kept block, fixed ones included: the scaling of CompleteP and depth-muP for a
/// network of k blocks, applied to k of L [completep]. raptr::completep_rate has the matching learning rate.
struct completep_scale {
  static constexpr std::string_view name = "completep";
  static constexpr bool per_branch = true;
  double exponent = 1;
  double operator()(kept_unit u) const { return std::pow(1.0 / u.share, exponent); }
};
/// As a type: completep<> is CompleteP, completep<1, 2> depth-muP.
template <int Num = 1, int Den = 1> struct completep : completep_scale {
  constexpr completep() : completep_scale{static_cast<double>(Num) / Den} {}
};

}  // namespace raptr
