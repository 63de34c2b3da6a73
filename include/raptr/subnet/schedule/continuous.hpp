// SPDX-License-Identifier: Apache-2.0
// Schedules that move at every step: a linear ramp of any drop, and two that the method is compared with. They have no
// stages. Inside `during`, the first and the last step are those of their own turn.
#pragma once

#include <cmath>

#include <raptr/subnet/schedule/stages.hpp>
#include <raptr/subnet/schedule/types.hpp>

namespace raptr {

/// 0 at the first step of a run, 1 at the last; a run of one step is at its end.
constexpr double way_through(const moment& now) { return now.total > 1 ? static_cast<double>(now.step) / static_cast<double>(now.total - 1) : 1.0; }

/// The mean moves linearly from one amount at the first step to another at the last one. Between whole numbers of units a
/// coin decides at every step. It keeps alive the rules that it borrows from.
struct linear_ramp {
  drop_rule rule;
  amount from, to;
  std::vector<custom_rule> keeps_alive{};

  stage_rule at(const moment& now) const {
    stage_rule all;
    all.add(rule.keeping(amount::between(from, to, way_through(now))));
    return all;
  }
  std::string text() const { return stages::prefix(rule) + "ramp:" + from.text() + "-" + to.text(); }
};
/// ramp<layer_drop, keep<6>, keep<12>>.
template <template <class, class...> class Drop, kept_amount From, kept_amount To> struct ramp {
  static constexpr stage_rule at(const moment& now) {
    stage_rule all;
    all.add(rule_of<Drop<From>>().keeping(amount::between(From::value(), To::value(), way_through(now))));
    return all;
  }
  static std::string text() { return linear_ramp{rule_of<Drop<From>>(), From::value(), To::value()}.text(); }
};

/// Progressive layer dropping [pld]: at step t of T, theta = (1 - theta_bar) exp(-gamma t / T) + theta_bar; block i of L,
/// from 1, is dropped with probability (i / L) (1 - theta). It drops more later. A factor of 1/p on every branch.
struct pld {
  double theta_bar = 0.5, gamma = 100;

  /// Throws input_error if a number is out of its range.
  stage_rule at(const moment& now) const {
    if (!(theta_bar >= 0 && theta_bar <= 1)) errors::number_is_out_of_range("pld::theta_bar", theta_bar, "a number from 0 to 1");
    if (!(gamma > 0)) errors::number_is_out_of_range("pld::gamma", gamma, "a number above 0");
    const double theta = (1 - theta_bar) * std::exp(-gamma * static_cast<double>(now.step) / static_cast<double>(now.total)) + theta_bar;
    const double depth = now.shape.layers, mean = 1 - (1 - theta) * (depth + 1) / (2 * depth);
    stage_rule all;
    if (mean > 0) all.add(rule_of<layer_drop<keep<1, 1>, linear_in_depth, inverse_per_branch>>().keeping(amount::mean_share(mean)));
    return all;
  }
  std::string text() const {
    if (gamma != 100) errors::schedule_has_no_text();
    return "pld:" + decimal_text(theta_bar);
  }
};

/// A drop that decreases over the run and grows with depth [decreasing]: at step t of T, block l of L, from 0, is dropped for
/// a sequence with probability most l / (L - 1) (1 - t / (T - 1)). It saves most / 4 of the block FLOPs.
struct decreasing {
  double most = 0.99;

  /// Throws input_error if `most` is out of its range.
  stage_rule at(const moment& now) const {
    if (!(most >= 0 && most <= 1)) errors::number_is_out_of_range("decreasing::most", most, "a number from 0 to 1");
    stage_rule all;
    if (now.shape.layers == 1) return all;  // the first block is never dropped
    const double mean = 1 - most / 2 * (1 - way_through(now));
    all.add(rule_of<sequence_drop<keep<1, 1>, bernoulli<>, linear_from_first, inverse_per_branch>>().keeping(amount::mean_share(mean)));
    return all;
  }
  std::string text() const { return "decreasing:" + decimal_text(most); }
};

}  // namespace raptr
