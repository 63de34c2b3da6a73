// SPDX-License-Identifier: Apache-2.0
// Per-sequence stochastic depth that decreases over the run [decreasing], a baseline for RAPTR.
#pragma once

#include <raptr/schedule/schedule.hpp>

namespace raptr {

/// A drop that decreases over the run and grows with depth [decreasing]: at step t of T, block l of L, from 0, is dropped for
/// a sequence with probability most l / (L - 1) (1 - t / (T - 1)). It saves most / 4 of the block FLOPs.
struct decreasing {
  double most = 0.99;

  /// Throws input_error if `most` is out of its range.
  stage_rule at(const run_position& now) const {
    if (!(most >= 0 && most <= 1)) errors::number_is_out_of_range("decreasing::most", most, "a number from 0 to 1");
    stage_rule all;
    if (now.shape.layers == 1) return all;  // the first block is never dropped
    const double mean = 1 - most / 2 * (1 - progress_of(now));
    all.add(rule_of<sequence_drop<keep<1, 1>, bernoulli<>, linear_from_first, inverse_per_branch>>().keeping(amount::mean_share(mean)));
    return all;
  }
  std::string text() const { return "decreasing:" + decimal_text(most); }
};

}  // namespace raptr
