// SPDX-License-Identifier: Apache-2.0
// Tiny models for tests, the random batches and plans that they are asked for, and a rig that sets weights, runs one pass
// and reads loss and gradient back. The arena is full of NaN before every pass that makes gradients, so that a value left
// over from another pass is found.
#pragma once

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include <raptr/models/families.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>
#include <raptr/nn/transformer.hpp>
#include <raptr/optim/sgd.hpp>

#include "devices.hpp"
#include "experts.hpp"

namespace raptr::testing {

using gpt64 = block<gpt2_block, fp64>;
using bert64 = block<bert_block, fp64>;
using gated64 = block<bert_block, rms_norm, swiglu_mlp, fp64>;
/// The policies of Qwen3.
using qwen64 = block<gpt2_block, head_norm_attention<true>, rms_norm, swiglu_mlp, no_biases, rotary<raptr::half>, untied_head, fp64>;
using mixture64 = block<bert_block, fourth_norm, experts, pre_norm, fp64>;

inline constexpr model_shape tiny{.layers = 3, .width = 8, .heads = 2, .neurons = 12, .neuron_group = 4, .vocab = 11, .context = 8};
/// Two query heads share a key and a value.
inline constexpr model_shape tiny_shared{
    .layers = 3, .width = 8, .heads = 4, .kv_heads = 2, .neurons = 12, .neuron_group = 4, .vocab = 11, .context = 8};
/// The same, with heads of two pairs.
inline constexpr model_shape tiny_qwen{
    .layers = 3, .width = 16, .heads = 4, .kv_heads = 2, .neurons = 12, .neuron_group = 4, .vocab = 11, .context = 8};

class dice {
 public:
  explicit dice(unsigned seed) : generator_(seed) {}
  int below(int n) { return static_cast<int>(generator_() % static_cast<unsigned>(n)); }
  bool chance(double p) { return below(1 << 20) < static_cast<int>(p * (1 << 20)); }
  /// Nearly normal: the same numbers with every library.
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(generator_()) * 0x1p-32;
    return sum;
  }

 private:
  std::mt19937 generator_;
};

/// What the segments see.
enum class sight { causal, both_sides, prefix };

/// `segments` segments of 3 .. context rows, targets with weights 1 and 2.
inline batch random_batch(dice& any, sight kind, const model_shape& shape = tiny, int segments = 4) {
  batch b;
  for (int s = 0; s < segments; ++s) {
    const int length = 3 + any.below(shape.context - 2), first = static_cast<int>(b.ids.size());
    b.add_segment(length, kind == sight::causal ? 0 : kind == sight::both_sides ? length : any.below(length + 1));
    for (int i = 0; i < length; ++i) {
      b.ids.push_back(any.below(shape.vocab));
      if (i == 1 || any.chance(0.5)) b.targets.push_back({first + i, any.below(shape.vocab), 1.0f + float(any.below(2))});
    }
  }
  b.normaliser = b.target_weight();
  return b;
}
/// Segments first .. first + count - 1 of a batch, as a micro-batch of it.
inline batch part_of(const batch& all, std::size_t first, std::size_t count) {
  batch b;
  for (std::size_t s = first; s < first + count; ++s) {
    const segment g = all.segments[s];
    const int from = static_cast<int>(b.ids.size());
    b.add_segment(g.length, g.prefix);
    b.ids.insert(b.ids.end(), all.ids.begin() + g.first, all.ids.begin() + g.first + g.length);
    for (const target& t : all.targets)
      if (t.row >= g.first && t.row < g.first + g.length) b.targets.push_back({t.row - g.first + from, t.id, t.weight});
  }
  b.first_sequence = all.first_sequence + static_cast<int>(first), b.normaliser = all.normaliser;
  return b;
}

struct odds {
  double block = 0.7, part = 0.75, unit = 0.6;
  bool factors = true, block_factors = false;
  double sequences = 0;  // that some sequences go round a block
};
inline step_plan random_plan(dice& any, const network_layout& layout, const odds& of = {}) {
  step_plan plan(layout);
  for (int b = 0; b < layout.shape.layers; ++b) {
    if (!any.chance(of.block)) continue;
    block_plan& block = plan.add(b);
    if (of.block_factors && any.chance(0.5)) block.factor = 0.5 + 0.3 * any.below(5);
    if (of.sequences > 0 && any.chance(of.sequences)) {
      for (int s = 0; s < layout.sequences; ++s)
        if (any.chance(0.5)) block.sequences.push_back(s);
      if (block.sequences.empty()) block.sequences.push_back(any.below(layout.sequences));
    }
    bool active = false;
    for (std::size_t p = 0; p < block.parts().size(); ++p) {
      part_plan& part = block.parts()[p];
      const bool last_chance = !active && p + 1 == block.parts().size();  // a block has a part
      if (of.factors) part.factor = 0.5 + 0.3 * any.below(5), part.unit_factor = 0.5 + 0.3 * any.below(5);
      part.units.clear();
      if (!last_chance && !any.chance(of.part)) continue;
      const int units = layout.parts()[p].units;
      for (int u = 0; u < units; ++u) {
        if (!any.chance(of.unit)) continue;
        if (!part.units.empty() && part.units.back().first + part.units.back().count == u)
          ++part.units.back().count;
        else
          part.units.push_back({u, 1});
      }
      if (part.units.empty()) part.units.assign(1, {any.below(units), 1});
      active = true;
    }
  }
  plan.check();
  return plan;
}

/// All blocks, each as change(block) leaves it.
template <class F> step_plan changed_plan(const network_layout& layout, F change) {
  step_plan plan(layout);
  for (int b = 0; b < layout.shape.layers; ++b) change(plan.add(b));
  plan.check();
  return plan;
}

/// One thread, or closed memory. Opening and closing pages costs more than the operations of a tiny model.
template <class Device> auto small_options(bool guarded = true) {
  if constexpr (std::same_as<typename backend_of<Device>::options, cpu_options>)
    return cpu_options{1};
  else if constexpr (std::same_as<Device, reference>)
    return reference_options{guarded};
  else
    return typename backend_of<Device>::options{};
}

template <class Block, class Objective, class Device> struct rig {
  using model_type = transformer<Block, Objective, Device>;
  using master = typename model_type::master;
  static constexpr bool norm_first = Block::residual::norm_first;

  model_type model;
  std::vector<master> w;

  explicit rig(const model_shape& shape = tiny, unsigned seed = 1, typename model_type::options options = small_options<Device>())
      : model(shape, options), w(static_cast<std::size_t>(model.layout().size()), master(0)) {
    dice any(seed);
    for (const placed_weight& p : model.layout().all())
      for (std::int64_t i = 0; i < p.size(); ++i)
        w[static_cast<std::size_t>(p.first + i)] = master((p.what.init == initializer::ones) + 0.4 * any.normal());
    model.set_weights(w);
  }
  network_layout layout(int sequences = 0) const { return model.plan_layout(sequences); }
  /// A full pass with weights of NaN: it leaves nothing but NaN in activations and gradients.
  void poison(const batch& b) {
    const std::vector<master> nan(w.size(), std::numeric_limits<master>::quiet_NaN());
    model.set_weights(nan);
    const step_plan full = step_plan::full(layout());
    model.begin(full), model.accumulate(full, b);
    model.set_weights(w);
  }
  double loss(const step_plan& plan, const batch& b) {
    model.begin(plan, false), model.accumulate(plan, b, false);
    return results()[0];
  }
  double loss_with_gradient(const step_plan& plan, const batch& b) {
    poison(b);
    model.begin(plan), model.accumulate(plan, b);
    return results()[0];
  }
  std::vector<double> results() { return download(model.ops(), static_cast<const double*>(model.results_data()), model.results_size()); }
  std::vector<master> packed_gradient() {
    return download(model.ops(), static_cast<const master*>(model.gradients()), static_cast<std::size_t>(model.active().size));
  }
  /// In the places of the weights; NaN where none exists.
  std::vector<master> gradient() {
    const auto packed = packed_gradient();
    std::vector<master> g(w.size(), std::numeric_limits<master>::quiet_NaN());
    for (const param_range& r : model.active().kept) std::copy_n(packed.begin() + r.packed, r.length, g.begin() + r.first);
    return g;
  }
};

/// Does this unit of this weight train? Asks the plan, not the layout.
inline bool trains(const step_plan& plan, const placed_weight& w, int unit) {
  if (w.block < 0) return true;
  for (const block_plan& b : plan.blocks())
    if (b.block == w.block)
      for (const unit_range& r : b.parts()[static_cast<std::size_t>(w.part)].units)
        if (!w.what.per_unit || (unit >= r.first && unit < r.first + r.count)) return true;
  return false;
}
/// Weights that close the way out of a part's unit: it adds nothing to the stream.
inline bool is_way_out(const placed_weight& w) {
  return w.what.name == "out" || w.what.name == "out_bias" || w.what.name == "down" || w.what.name == "down_bias";
}
/// Calls f(weight, unit, element, trains) for every element of every weight.
template <class F> void each_element(const weight_layout& layout, const step_plan& plan, F f) {
  for (const placed_weight& w : layout.all())
    for (int unit = 0; unit < w.units; ++unit) {
      const bool on = trains(plan, w, unit);
      for (std::int64_t i = 0; i < w.per_unit; ++i) f(w, unit, static_cast<std::size_t>(w.first + unit * w.per_unit + i), on);
    }
}
/// The largest difference where the plan trains, relative to the largest entry there; infinite where one is not finite.
template <class T, class U> double gap(const weight_layout& layout, const step_plan& plan, const std::vector<T>& a, const std::vector<U>& b) {
  double most = 0, top = 0;
  each_element(layout, plan, [&](const placed_weight&, int, std::size_t k, bool on) {
    if (!on) return;
    const double x = double(a[k]), y = double(b[k]);
    most = std::max(most, std::isfinite(x) && std::isfinite(y) ? std::abs(x - y) : HUGE_VAL), top = std::max(top, std::abs(x));
  });
  return top > 0 ? most / top : HUGE_VAL;
}

}  // namespace raptr::testing
