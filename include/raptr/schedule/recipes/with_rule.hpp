// SPDX-License-Identifier: Apache-2.0
// A recipe with other policies on one of its axes: it says how much is kept and when, the rule says which units and with which
// scale.
#pragma once

#include <string>
#include <utility>

#include <raptr/schedule/growth.hpp>

namespace raptr {

/// with_rule(pld{.theta_bar = 0.5}, custom_rule(pld::rule(), unscaled{})). In a text, the policies follow the word: pld(unscaled):0.5.
template <subnet_schedule Recipe> class with_rule {
 public:
  with_rule(Recipe recipe, custom_rule rule) : recipe_(std::move(recipe)), rule_(std::move(rule)) {}

  stage_rule at(const run_position& now) const {
    const stage_rule usual = recipe_.at(now);
    stage_rule all;
    all.share = usual.share;
    for (const drop_rule& r : usual) all.add(r.axis == rule_.rule().axis ? rule_.rule().keeping(r.kept) : r);
    return all;
  }
  std::int64_t stage_end(std::int64_t step, std::int64_t total) const { return raptr::stage_end(recipe_, step, total); }
  std::int64_t rules_end(std::int64_t step, std::int64_t total) const { return raptr::rules_end(recipe_, step, total); }
  std::vector<block_copy> growth(const run_position& now) const { return growth_of(recipe_, now); }
  unit_set network_at(const run_position& now) const { return network_of(recipe_, now); }
  /// Throws input_error unless the rule has the name that a text gives it: "pld(unscaled)".
  std::string text() const {
    const std::string usual = text_of(recipe_), name(rule_.rule().name), word = name.substr(0, name.find('('));
    if (word == name || !usual.starts_with(word)) errors::schedule_has_no_text();
    return name + usual.substr(word.size());
  }

 private:
  Recipe recipe_;
  custom_rule rule_;
};

}  // namespace raptr
