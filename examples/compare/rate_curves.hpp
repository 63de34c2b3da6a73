// SPDX-License-Identifier: Apache-2.0
// Whether two runs had the same learning rates, from what their logs recorded. Runs of other lengths are compared at the same share
// of the run.
#pragma once

#include <raptr/base/number_text.hpp>
#include <raptr/run/metrics.hpp>

namespace program {

using step_list = std::vector<raptr::step_metrics>;
using recorded_rate = std::optional<double> raptr::step_metrics::*;

struct rate_difference {
  std::int64_t step;   // of the longer run
  double rate, other;  // there, and the nearest one of the other run
};

/// Where two curves differ first, by more than rounding; nullopt if nowhere. In runs of different lengths a step of the longer one may
/// have any rate of the shorter one's steps around the same share of the run, and one step's change beyond: warm-ups are whole steps.
inline std::optional<rate_difference> first_difference(const step_list& longer, const step_list& shorter, recorded_rate rate) {
  const auto n = std::ssize(longer), m = std::ssize(shorter);
  for (std::int64_t step = 0; m > 0 && step < n; ++step) {
    const double here = (longer[std::size_t(step)].*rate).value_or(0);
    double low = INFINITY, high = -INFINITY, nearest = 0, before = NAN, slack = 1e-9 * std::abs(here);
    const std::int64_t around = n == m ? 0 : 2;
    for (std::int64_t k = step * m / n - around; k <= step * m / n + around; ++k) {
      if (k >= m) break;
      const double there = k < 0 ? 0 : (shorter[std::size_t(k)].*rate).value_or(0);  // a warm-up begins at 0
      if (low > high || std::abs(there - here) < std::abs(nearest - here)) nearest = there;
      if (std::abs(there - before) > slack) slack = std::abs(there - before);
      low = (std::min)(low, there), high = (std::max)(high, there), before = there;
    }
    if (here < low - slack || here > high + slack) return rate_difference{step + 1, here, nearest};
  }
  return std::nullopt;
}

/// A sentence if the rates of two runs differ; empty otherwise.
inline std::string rate_remark(const std::string& name, const step_list& steps, const std::string& first_name, const step_list& first) {
  const bool longer = steps.size() > first.size();
  const auto differ = [&](recorded_rate rate) { return longer ? first_difference(steps, first, rate) : first_difference(first, steps, rate); };
  const auto all = differ(&raptr::step_metrics::learning_rate), of_blocks = differ(&raptr::step_metrics::block_learning_rate);
  if (!all && !of_blocks) return "";
  const rate_difference& d = all ? *all : *of_blocks;
  return name + " was trained with other learning rates " + (all ? "" : "of blocks ") + "than " + first_name + " (at step " + std::to_string(d.step) +
         " of " + (longer ? name : first_name) + ", " + raptr::short_text(longer ? d.rate : d.other, 4) + " and " +
         raptr::short_text(longer ? d.other : d.rate, 4) + "): their losses differ by that too, not by the schedule alone.\n";
}

}  // namespace program
