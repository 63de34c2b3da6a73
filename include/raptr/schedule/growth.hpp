// SPDX-License-Identifier: Apache-2.0
// Growing networks: a schedule can define which blocks are copied at the first step of a stage, and which blocks exist. Both
// are optional, like everything in a schedule except at(run_position): without them all blocks exist from the start. A block
// that does not exist yet is not in the plan either.
#pragma once

#include <vector>

#include <raptr/schedule/run_position.hpp>

namespace raptr {

/// Block `to` becomes a copy of block `from`.
struct block_copy {
  int from, to;
  bool operator==(const block_copy&) const = default;
};

/// The copies made before the step now.step, all at once: `from` is a block of the network before any copy. Empty at most
/// steps. Optional member of a schedule: `std::vector<block_copy> growth(const run_position&) const`.
std::vector<block_copy> growth_of(const subnet_schedule auto& schedule, const run_position& now) {
  if constexpr (requires { schedule.growth(now); })
    return schedule.growth(now);
  else
    return {};
}
/// The blocks that exist in the step now.step. Optional member of a schedule: `unit_set network_at(const run_position&) const`.
constexpr unit_set network_of(const subnet_schedule auto& schedule, const run_position& now) {
  if constexpr (requires { schedule.network_at(now); })
    return schedule.network_at(now);
  else
    return unit_set::first(now.shape.layers);
}

}  // namespace raptr
