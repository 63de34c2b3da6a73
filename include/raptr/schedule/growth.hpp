// SPDX-License-Identifier: Apache-2.0
// Growing networks: a schedule can define which blocks are copied at the first step of a stage, and which blocks exist. Both
// are optional, like everything in a schedule except at(run_position): without them all blocks exist from the start. A block
// that does not exist yet is not in the plan either. check_growth.hpp states what a run refuses.
#pragma once

#include <vector>

#include <raptr/schedule/run_position.hpp>

namespace raptr {

/// Block `to` becomes a copy of block `from`; where both are one block that joins the network, it keeps its initial weights.
struct block_copy {
  int from, to;
  bool operator==(const block_copy&) const = default;
};

template <class S>
concept copies_blocks = requires(const S& s, const run_position& now) {
  { s.growth(now) } -> std::convertible_to<std::vector<block_copy>>;
};
template <class S>
concept has_network_at = requires(const S& s, const run_position& now) {
  { s.network_at(now) } -> std::convertible_to<unit_set>;
};
template <class S>
concept growing_schedule = copies_blocks<S> || has_network_at<S>;

/// Instantiating this type checks the optional members of a schedule that grows.
template <class S> struct require_stages_of_growth {
  static_assert((copies_blocks<S> || !requires { &S::growth; }) && (has_network_at<S> || !requires { &S::network_at; }),
                "raptr: growth and network_at of a schedule are std::vector<raptr::block_copy> growth(const raptr::run_position&) const and "
                "raptr::unit_set network_at(const raptr::run_position&) const");
  static_assert(!growing_schedule<S> || staged<S>,
                "raptr: a schedule with growth or network_at needs stage_end(step, total): blocks join and are copied at the first step of a "
                "stage, and without it the run is one stage, so that nothing would be copied");
};

/// The copies made before the step now.step, all at once: `from` is a block of the network before any copy. Empty at most
/// steps. Optional member of a schedule: `std::vector<block_copy> growth(const run_position&) const`.
template <subnet_schedule S> std::vector<block_copy> growth_of(const S& schedule, const run_position& now) {
  static_assert(std::is_empty_v<require_stages_of_growth<S>>);  // has its own messages
  if constexpr (copies_blocks<S>)
    return schedule.growth(now);
  else
    return {};
}
/// The blocks that exist in the step now.step. Optional member of a schedule: `unit_set network_at(const run_position&) const`.
template <subnet_schedule S> constexpr unit_set network_of(const S& schedule, const run_position& now) {
  static_assert(std::is_empty_v<require_stages_of_growth<S>>);
  if constexpr (has_network_at<S>)
    return schedule.network_at(now);
  else
    return unit_set::first(now.shape.layers);
}

}  // namespace raptr
