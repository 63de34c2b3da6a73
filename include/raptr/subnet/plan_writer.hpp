// SPDX-License-Identifier: Apache-2.0
// From the rules of a stage to the plan of a step. Every axis has a random stream of its own, so that no draw shifts
// another.
#pragma once

#include <raptr/subnet/rule.hpp>
#include <raptr/subnet/step_plan.hpp>

namespace raptr {

/// The units that a rule keeps in this step. Throws input_error if the rule does not fit so many units.
inline unit_set draw_units(const drop_rule& rule, int total, const draw_key& key) {
  const int kept = rule.kept_of(total);
  if (kept == total) return unit_set::first(total);
  const unit_set chosen = rule.select(total, kept, key.of(rule.axis, 0));
  if (const int outside = chosen.next(total); outside != unit_set::capacity) errors::selector_left_the_range(rule.axis, outside, total);
  return chosen;
}

/// A pure function of its arguments but for the room in `plan`; allocates nothing.
inline void write_plan(step_plan& plan, const stage_rule& stage, const draw_key& key) {
  for (const drop_rule& r : stage)
    if (r.axis != layers::name) errors::network_has_no_such_axis(r.axis);
  plan.clear();
  const int total = plan.layout().shape.layers;
  const drop_rule* const rule = stage.find(layers::name);
  const unit_set blocks = rule ? draw_units(*rule, total, key) : unit_set::first(total);
  for (const int l : blocks) {
    block_plan& b = plan.add(l);
    if (!rule) continue;
    const double probability = rule->select.knows_probability ? rule->select.probability(l, total, rule->kept_of(total)) : 1.0;
    const double factor = rule->scale({l, std::min(blocks.next(l + 1), total), total, probability});
    if (rule->scale.whole_block)
      b.factor = factor;
    else
      for (part_plan& part : b.parts()) part.factor = factor;
  }
}

}  // namespace raptr
