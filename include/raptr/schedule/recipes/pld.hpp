// SPDX-License-Identifier: Apache-2.0
// Progressive layer dropping [pld], a baseline for RAPTR.
#pragma once

#include <cmath>

#include <raptr/schedule/schedule.hpp>

namespace raptr {

/// At step t of T, theta = (1 - theta_bar) exp(-gamma t / T) + theta_bar; block i of L,
/// from 1, is dropped with probability (i / L) (1 - theta). More is dropped later in the run. Every branch has a factor of 1/p.
struct pld {
  double theta_bar = 0.5, gamma = 100;

  static constexpr drop_rule rule() { return rule_of<layer_drop<keep<1, 1>, linear_in_depth, inverse_per_branch>>(); }

  /// Throws input_error if a number is out of its range.
  stage_rule at(const run_position& now) const {
    if (!(theta_bar >= 0 && theta_bar <= 1)) errors::number_is_out_of_range("pld::theta_bar", theta_bar, "a number from 0 to 1");
    if (!(gamma > 0)) errors::number_is_out_of_range("pld::gamma", gamma, "a number above 0");
    const double theta = (1 - theta_bar) * std::exp(-gamma * static_cast<double>(now.step) / static_cast<double>(now.total)) + theta_bar;
    const double depth = now.shape.layers, mean = 1 - (1 - theta) * (depth + 1) / (2 * depth);
    stage_rule all;
    if (mean > 0) all.add(rule().keeping(amount::mean_share(mean)));
    return all;
  }
  std::string text() const {
    if (gamma != 100) errors::schedule_has_no_text();
    return "pld:" + decimal_text(theta_bar);
  }
};

}  // namespace raptr
