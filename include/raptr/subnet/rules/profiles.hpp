// SPDX-License-Identifier: Apache-2.0
// Profiles distribute the kept amount over the depth, so that the first blocks can keep more than the last ones. On the axis
// of layers a profile gives the keep probability of each block; on axes inside a block, the share of units that it keeps.
#pragma once

#include <concepts>
#include <string_view>
#include <vector>

#include <raptr/subnet/rules/amount.hpp>

namespace raptr {

/// share(block, layers, mean): the share kept in one block, 0 to 1; its mean over all blocks is `mean`.
template <class P>
concept depth_profile = requires(const P& profile, int block, double mean) {
  { profile.share(block, block, mean) } -> std::convertible_to<double>;
};

constexpr bool is_share(double x) { return x > -1e-12 && x < 1 + 1e-12; }
/// The share of a profile, clamped against rounding errors. Throws input_error if it is not in 0 to 1.
constexpr double checked_share(double share, int block, double mean) {
  if (!is_share(share)) errors::profile_leaves_the_range(block, share, mean);
  return share < 0 ? 0 : share > 1 ? 1 : share;
}

constexpr double share_in(const depth_profile auto& profile, int block, int layers, double mean) {
  return checked_share(profile.share(block, layers, mean), block, mean);
}

/// 1 - c (l + 1): the first block can be dropped as well [stochastic depth], [pld].
struct linear_in_depth {
  static constexpr std::string_view name = "linear";
  constexpr double share(int block, int layers, double mean) const { return 1 - 2 * (1 - mean) * (block + 1) / (layers + 1); }
};
/// 1 - c l: the first block is always kept [decreasing].
struct linear_from_first {
  static constexpr std::string_view name = "linear_from_first";
  constexpr double share(int block, int layers, double mean) const { return layers > 1 ? 1 - 2 * (1 - mean) * block / (layers - 1) : mean; }
};
/// Arbitrary shares, one per block. The mean follows from them.
struct keep_profile {
  std::vector<double> keep;

  double share(int block, int layers, double) const {
    if (keep.size() != static_cast<std::size_t>(layers)) errors::profile_has_the_wrong_length(keep.size(), layers);
    return keep[static_cast<std::size_t>(block)];
  }
  /// For drop_rule::keeping. Throws input_error if nothing is kept.
  amount mean() const {
    double sum = 0;
    for (const double share : keep) sum += share;
    return amount::mean_share(keep.empty() ? 0 : sum / static_cast<double>(keep.size()));
  }
};

}  // namespace raptr
