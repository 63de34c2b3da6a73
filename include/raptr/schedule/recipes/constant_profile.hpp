// SPDX-License-Identifier: Apache-2.0
// Arbitrary shares, one per block, for the whole run: a profile computed by a program or given in a text.
#pragma once

#include <raptr/schedule/stages.hpp>

namespace raptr {

class constant_profile {
 public:
  /// The rule gives the axis and the policies. Throws input_error if a share is not in 0 to 1 or nothing is kept.
  constant_profile(const drop_rule& rule, keep_profile shares, std::vector<custom_rule> keeps_alive = {})
      : prefix_(stages::prefix(rule)), shares_(std::move(shares)), rule_(rule, shares_), keeps_alive_(std::move(keeps_alive)) {
    const double mean = shares_.mean().of(1, rule.axis);
    for (std::size_t block = 0; block < shares_.keep.size(); ++block)
      (void)share_in(shares_, static_cast<int>(block), static_cast<int>(shares_.keep.size()), mean);
  }
  stage_rule at(const run_position&) const {
    stage_rule all;
    if (const amount kept = shares_.mean(); !kept.all()) all.add(rule_.rule().keeping(kept));
    return all;
  }
  static constexpr std::int64_t stage_end(std::int64_t, std::int64_t total) { return total; }
  std::string text() const {
    std::string text = prefix_ + "profile";
    for (const double share : shares_.keep) text.append(":").append(decimal_text(share));
    return text;
  }

 private:
  std::string prefix_;
  keep_profile shares_;
  custom_rule rule_;
  std::vector<custom_rule> keeps_alive_;
};

}  // namespace raptr
