// SPDX-License-Identifier: Apache-2.0
// Draws the plan of a step from the rules of a stage: blocks and sub-layers first, then, block by block, sequences and the
// units inside the parts. Each axis, block and part has a separate random stream, so that no draw shifts another.
#pragma once

#include <raptr/subnet/rules/drop_rule.hpp>
#include <raptr/subnet/step_plan.hpp>

namespace raptr {

/// The units that a rule keeps in this step, `mean` on average; a fractional mean is rounded up or down at random, for all ranks alike.
/// per_block: sub-layers of a block. Throws input_error if the selector leaves the range.
inline unit_set draw_units(const drop_rule& rule, int total, double mean, const draw_key& key, int per_block = 1) {
  if (mean >= total) return unit_set::first(total);
  int count = static_cast<int>(mean);
  if (mean > count && key.of_rank(0).uniform(total) < mean - count) ++count;  // stream `total` belongs to no unit
  const unit_set chosen = rule.select(total, {count, mean, per_block}, key);
  if (const int outside = chosen.next(total); outside != unit_set::capacity) errors::selector_left_the_range(rule.axis, outside, total);
  return chosen;
}

class plan_writer {
 public:
  plan_writer(step_plan& plan, const stage_rule& stage, const draw_key& key) : plan_(plan), net_(plan.layout()), stage_(stage), key_(key) {
    for (const drop_rule& r : stage) (void)net_.units_of(r.place, r.axis);
  }
  void write() {
    plan_.clear();
    const int parts = static_cast<int>(net_.parts().size());
    const depth_draw blocks(*this, layers::name, net_.shape.layers), sublayer(*this, sublayers::name, net_.sublayers());
    for (const int l : blocks.kept) {
      block_plan& b = plan_.add(l);
      const double factor = blocks.factor(l);
      if (blocks.scales_whole_block()) b.factor = factor;
      for (int p = 0; p < parts; ++p) {
        part_plan& part = b.parts()[static_cast<std::size_t>(p)];
        const int unit = l * parts + p;
        if (!sublayer.kept.has(unit)) part.units.clear();
        part.factor = (blocks.scales_whole_block() ? 1.0 : factor) * sublayer.factor(unit);
      }
      if (!let_pass(b) || !fill(b)) plan_.remove_last();
    }
  }

 private:
  /// The draw of one rule for all blocks or all sub-layers.
  struct depth_draw {
    const drop_rule* rule;
    int total, per_block;
    double mean;
    unit_set kept;
    depth_draw(const plan_writer& w, std::string_view axis, int n)
        : rule(w.stage_.find(axis)), total(n), per_block(n / w.net_.shape.layers), mean(rule ? rule->kept_of(n) : n), kept(unit_set::first(n)) {
      if (rule) kept = draw_units(*rule, n, mean, w.key_.of(axis, 0), per_block);
    }
    bool scales_whole_block() const { return rule && rule->scales_whole_block(); }
    double factor(int unit) const {
      if (!rule || !kept.has(unit)) return 1;
      const bool known = mean < total && rule->select.knows_probability;
      const double probability = known ? rule->select.probability(unit, total, {static_cast<int>(mean), mean, per_block}) : 1.0;
      return rule->scale({unit, std::min(kept.next(unit + 1), total), total, probability, mean / total});
    }
  };
  unit_set draw(const drop_rule& r, int total, double mean, int block, int part) const {
    draw_key key = key_.of(r.axis, r.once ? 0 : block, part);
    key.block = block;
    return draw_units(r, total, mean, key);
  }
  /// One factor for all kept units of a block, which have the same probability. share: kept on average, in all blocks.
  static double common_factor(const drop_rule& r, double probability, double share) { return r.scale({0, 1, 1, probability, share}); }

  bool let_pass(block_plan& b) const {
    const drop_rule* const r = stage_.find(sequences::name);
    if (!r || r->kept.all()) return true;
    const int total = net_.sequences;
    if (total == 0) errors::sequences_are_not_known();
    const double mean = r->kept_in(b.block, net_.shape.layers, total),
                 factor = mean > 0 ? common_factor(*r, mean / total, r->kept_of(total) / total) : 1;
    const unit_set chosen = draw(*r, total, mean, b.block, 0);
    if (chosen.size() < total)
      for (const int sequence : chosen) b.sequences.push_back(sequence);
    if (r->scales_whole_block())
      b.factor *= factor;
    else
      for (part_plan& part : b.parts()) part.factor *= factor;
    return !chosen.empty();
  }
  /// Returns whether any part is active.
  bool fill(block_plan& b) const {
    bool active = false;
    for (std::size_t p = 0; p < b.parts().size(); ++p) {
      part_plan& part = b.parts()[p];
      if (part.units.empty()) continue;
      const part_layout& of = net_.parts()[p];
      if (const drop_rule* const r = stage_.find(of.axis)) {
        const double mean = r->kept_in(b.block, net_.shape.layers, of.units);
        part.keep(draw(*r, of.units, mean, b.block, static_cast<int>(p)));
        if (mean > 0) part.unit_factor = common_factor(*r, mean / of.units, mean / of.units);
      }
      active = active || !part.units.empty();
    }
    return active;
  }

  step_plan& plan_;
  const network_layout& net_;
  const stage_rule& stage_;
  const draw_key& key_;
};

/// The result depends on the arguments alone; reuses the storage of `plan` and allocates nothing. Throws input_error if a rule
/// does not fit the network.
inline void write_plan(step_plan& plan, const stage_rule& stage, const draw_key& key) { plan_writer(plan, stage, key).write(); }

}  // namespace raptr
