// SPDX-License-Identifier: Apache-2.0
// The variants that are timed: some shares of every axis, and the step without anything that the axis owns. A variant draws
// its plan in every step, as a run does. All shares are whole numbers of units in both shapes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <raptr/nn/transformer.hpp>
#include <raptr/schedule/plan.hpp>
#include <raptr/subnet/rules/drop.hpp>

namespace raptr::benchmarks {

struct bench_shape {
  std::string name;
  model_shape shape;
  int sequences;
};
inline std::vector<bench_shape> bench_shapes() {
  return {{"gpt-small", gpt_small, 16}, {"wide", {.layers = 4, .width = 768, .heads = 12, .vocab = 8192, .context = 128}, 8}};
}

/// A schedule of one endless stage.
struct one_rule {
  stage_rule rule;
  const stage_rule& at(const run_position&) const { return rule; }
};

/// As many attentions as mlps: they differ in cost, and a draw of more mlps would look like a slower step.
struct as_many_of_each {
  unit_set operator()(int total, int kept, const draw_key& key) const {
    unit_set chosen;
    for (int part = 0; part < 2; ++part)
      for (const int block : exactly_selector{}(total / 2, kept / 2, key.of("part", part))) chosen.add(2 * block + part);
    return chosen;
  }
};

/// axis: "full" for all of the network, "without" for a baseline. owned: the share kept of what the axis owns.
struct variant {
  std::string axis, part;
  double owned = 1;
  std::string without{};  // the baseline whose time is not owned by the axis
  std::function<void(step_plan&, std::uint64_t step)> write;

  std::string name() const { return axis + (part.empty() ? "" : "/" + part); }
};

inline variant dropping(std::string axis, fraction kept, double owned, std::string without, const std::vector<drop_rule>& rules) {
  one_rule schedule;
  for (const drop_rule& r : rules) schedule.rule.add(r.keeping(kept));
  return {std::move(axis), kept.text(), owned, std::move(without),
          [schedule](step_plan& plan, std::uint64_t step) { plan_into(plan, schedule, {.seed = 1, .step = step}, longest_run); }};
}
/// The network without one part of every block, or without blocks at all.
inline variant without(std::string name, bool blocks, std::string_view axis = {}) {
  return {"without", name, 0, {}, [blocks, axis](step_plan& plan, std::uint64_t) {
            plan.clear();
            for (int l = 0; blocks && l < plan.layout().shape.layers; ++l) {
              block_plan& b = plan.add(l);
              for (std::size_t p = 0; p < b.parts().size(); ++p)
                if (plan.layout().parts()[p].axis == axis) b.parts()[p].units.clear();
            }
          }};
}

inline std::vector<variant> all_variants() {
  // No fixed first and last block: they do not change the cost of a step, but 1 of 4 blocks could not be kept.
  const drop_rule of_layers = rule_of<layer_drop, exactly<>>(), of_heads = rule_of<head_drop>(), of_neurons = rule_of<neuron_drop>();
  std::vector<variant> all{dropping("full", {1, 1}, 1, {}, {}), without("blocks", false), without("attention", true, heads::name),
                           without("mlp", true, neurons::name)};
  all[0].part.clear();
  for (const fraction kept : {fraction(3, 4), fraction(1, 2), fraction(1, 4)}) {
    const double share = kept.value();
    all.push_back(dropping("layers", kept, share, "blocks", {of_layers}));
    all.push_back(dropping("sublayers", kept, share, "blocks", {rule_of<sublayer_drop, as_many_of_each>()}));
    all.push_back(dropping("heads", kept, share, "attention", {of_heads}));
    all.push_back(dropping("neurons", kept, share, "mlp", {of_neurons}));
    all.push_back(dropping("width", kept, share, "mlp", {rule_of<width_slice>()}));
    all.push_back(dropping("sequences", kept, share, "blocks", {rule_of<sequence_drop>()}));
    all.push_back(dropping("together", kept, share * share, "blocks", {of_layers, of_heads, of_neurons}));
  }
  return all;
}

}  // namespace raptr::benchmarks
