// SPDX-License-Identifier: Apache-2.0
// Three equal stages on three axes [est]: some layers with a part of their heads and neurons, then all layers with the
// same part, then everything. The published rates are unknown; the default is the rate whose block FLOPs are 0.75.
#pragma once

#include <raptr/schedule/schedule.hpp>
#include <raptr/schedule/stages.hpp>

namespace raptr {

struct est {
  /// The cost is (rate^2 + rate + 1) / 3 on every network. This one solves it for 3/4: (sqrt(6) - 1) / 2.
  static constexpr double rate_of_three_quarters = 0.72474487139158904909;
  double rate = rate_of_three_quarters;

  static constexpr drop_rule rule() { return rule_of<layer_drop>(); }  // of the first stage
  /// Throws input_error unless the rate is above 0 and at most 1.
  constexpr stage_rule at(const run_position& now) const {
    const amount kept = amount::mean_share(rate);
    const int stage = stages::equal_stage(3, now.step, now.total);
    stage_rule all;
    if (stage == 0) all.add(rule().keeping(kept));
    if (stage < 2) all.add(rule_of<head_drop>().keeping(kept)), all.add(rule_of<neuron_drop>().keeping(kept));
    return all;
  }
  static constexpr std::int64_t stage_end(std::int64_t step, std::int64_t total) { return stages::equal_end(3, step, total); }
  static constexpr std::int64_t period() { return 3; }
  std::string text() const { return rate == rate_of_three_quarters ? "est" : "est:" + decimal_text(rate); }
};

}  // namespace raptr
