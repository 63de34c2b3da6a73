// SPDX-License-Identifier: Apache-2.0
// A drop whose amount changes linearly at every step. It has no stages; inside `lasting`, its first and last step are those of
// that part of the run.
#pragma once

#include <raptr/schedule/schedule.hpp>

namespace raptr {

/// The mean changes linearly from one amount at the first step to another at the last one. A fractional number of units is
/// rounded at random at every step. Keeps alive the rules that it borrows from.
struct linear_ramp {
  drop_rule rule;
  amount from, to;
  std::vector<custom_rule> keeps_alive{};

  stage_rule at(const run_position& now) const {
    stage_rule all;
    all.add(rule.keeping(amount::between(from, to, progress_of(now))));
    return all;
  }
  std::string text() const { return stages::prefix(rule) + "ramp:" + from.text() + "-" + to.text(); }
};
/// ramp<layer_drop, keep<6>, keep<12>>.
template <template <class, class...> class Drop, kept_amount From, kept_amount To> struct ramp {
  static constexpr stage_rule at(const run_position& now) {
    stage_rule all;
    all.add(rule_of<Drop<From>>().keeping(amount::between(From::value(), To::value(), progress_of(now))));
    return all;
  }
  static std::string text() { return linear_ramp{rule_of<Drop<From>>(), From::value(), To::value()}.text(); }
};

}  // namespace raptr
