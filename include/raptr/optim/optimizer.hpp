// SPDX-License-Identifier: Apache-2.0
// The elementwise update over the parameter ranges of a plan: which elements change, with which step count, what happens to
// dropped parts, and when a step is skipped. Step counts are in device memory, because only the device has the loss and the
// norm when the step runs; the clip factor and the skip condition are computed from these two in the kernel.
#pragma once

#include <array>
#include <cmath>
#include <string_view>
#include <tuple>
#include <vector>

#include <raptr/nn/active_layout.hpp>
#include <raptr/nn/block_copies.hpp>
#include <raptr/optim/clipping.hpp>
#include <raptr/optim/update_options.hpp>
#include <raptr/optim/update_rule.hpp>
#include <raptr/tensor/buffer.hpp>

namespace raptr {

struct count_step : no_state {
  step_results results;
  double clip;
  RAPTR_BOTH count_step(step_results r, double largest) : results(r), clip(largest) {}
  RAPTR_BOTH void operator()(const per_unit&, int& count) const {
    if (results.usable(clip)) ++count;
  }
};

enum class update_kind { with_gradient, without_gradient, decay };
template <class Rule, class S, update_kind Kind> struct update {
  static constexpr bool on_arrays = runs_on_arrays<Rule>;
  struct per_unit {
    bool run;
    S clip;
    unit_scalars<S> scalars;
  };
  Rule rule;
  step_results results;
  const int* counts;
  double rate, block_rate, clip;  // block_rate: the learning rate of weights of blocks

  RAPTR_BOTH per_unit begin(const param_range& range, int unit) const {
    const double norm = std::sqrt(results.squared_norm());
    per_unit u{results.usable(clip),
               S(is_clipped(norm, clip) ? clip / norm : 1),
               {S(range.in_block ? block_rate : rate), range.decays ? S(rule.weight_decay) : S(0), counts[unit], S(1), S(1)}};
    if (u.run && Kind != update_kind::decay) rule.prepare(u.scalars);
    return u;
  }
  template <class V, class... M> RAPTR_BOTH void operator()(const per_unit& u, V& w, M&... m) const {
    if constexpr (Kind == update_kind::with_gradient)
      with(u, w, m...);
    else if constexpr (Kind == update_kind::without_gradient)
      rule.update(u.scalars, w, V(S(0)), m...);
    else
      w -= u.scalars.rate * u.scalars.decay * w;
  }
  template <class V, class... M> RAPTR_BOTH void with(const per_unit& u, V& w, const V& g, M&... m) const {
    rule.update(u.scalars, w, V(g * u.clip), m...);
  }
};

/// Learning rates of a step: of weights of blocks, and of all others.
struct rates_of_step {
  double rate, of_blocks;
};

template <class Rule, class Model> class optimizer {
  static_assert(optimizer_rule<Rule, typename Model::master>,
                "raptr: an optimizer has lr, weight_decay, moments, flops, prepare() and update(), such as raptr::adamw{.lr = 1e-3}");
  using ops_type = typename Model::ops_type;
  using master = typename Model::master;

 public:
  optimizer(Model& model, Rule rule, dropped_update dropped = dropped_update::frozen)
      : rule_(rule),
        dropped_(dropped),
        counts_(model.ops(), static_cast<std::size_t>(model.layout().unit_ids())),
        moments_(make_moments(model, std::make_index_sequence<Rule::moments>{})),
        dropped_buffer_(model.ops()),
        kept_counts_buffer_(model.ops()),
        dropped_counts_buffer_(model.ops()) {
    reset(model);
  }
  const Rule& rule() const { return rule_; }

  /// Resets moments and step counts to their state before the first step. Only enqueues.
  void reset(Model& model) {
    copied_ranges counts, elements;
    counts.add(0, 0, static_cast<std::int64_t>(counts_.size())), elements.add(0, 0, model.layout().size());
    counts.clear(model.ops(), counts_.data());
    for (auto& m : moments_) elements.clear(model.ops(), m.data());
  }
  /// Copies or resets the moments and step counts of new blocks; call after Model::copy_blocks() with the same copies. Throws
  /// input_error if a block does not exist or would be written twice. Only enqueues.
  template <class Copies> void copy_blocks(Model& model, const Copies& copies, grown_state state) {
    const block_copies blocks(model.layout(), copies);
    const auto grow = [&](const copied_ranges& ranges, auto* array) {
      if (state == grown_state::copied)
        ranges.copy(model.ops(), array);
      else
        ranges.clear(model.ops(), array);
    };
    grow(blocks.counts, counts_.data());
    for (auto& m : moments_) grow(blocks.elements, m.data());
  }
  /// Computes norms and updates counts and weights; call after begin() and all accumulate(). clip: the largest global norm of the
  /// gradient, 0 for none. block_rate: a factor on the rate of all weights of blocks, for a rate that depends on the active depth.
  /// A step changes nothing if its loss, norm or rate, or a weight or moment that it reads, is not usable. Only enqueues.
  void step(Model& model, double rate, double clip, double block_rate = 1) { step(model, rates_of_step{rate, rate * block_rate}, clip); }
  /// The same with both rates given.
  void step(Model& model, const rates_of_step& rates, double clip) {
    ops_type& ops = model.ops();
    const active_layout& active = model.active();
    const step_results results = model.results();
    const param_ranges kept = model.kept_ranges();
    const packed_array<const master> gradients{model.gradients()};
    const bool moves_dropped = dropped_ == dropped_update::zero_gradient && !active.dropped.empty();
    const bool decays_dropped = dropped_ == dropped_update::decay_only && !active.dropped.empty();
    std::apply(
        [&](const auto&... m) {
          const auto read = [](const master* arena) { return arena; };
          ops.elementwise_sum(square_with_state{}, kept, results.tensor_squared_norms(), gradients, read(model.weights()), read(m.data())...);
          const auto look_at_dropped = [&](const auto*... arrays) {
            ops.elementwise_sum(finite_state{}, uploaded_ranges(active.dropped, dropped_buffer_), results.tensor_squared_norms(), arrays...);
          };
          if (moves_dropped) look_at_dropped(read(model.weights()), read(m.data())...);
          if (decays_dropped) look_at_dropped(read(model.weights()));
        },
        moments_);
    ops.for_each_row(total_norm{results, static_cast<int>(model.layout().all().size())}, 1);
    if (!usable_rate(rates.rate) || !usable_rate(rates.of_blocks)) return;

    ops.elementwise(count_step(results, clip), uploaded_ranges(active.kept_counts, kept_counts_buffer_), counts_.data());
    if (moves_dropped) ops.elementwise(count_step(results, clip), uploaded_ranges(active.dropped_counts, dropped_counts_buffer_), counts_.data());

    std::apply(
        [&](auto&... m) {
          ops.elementwise(make<update_kind::with_gradient>(results, rates, clip), kept, model.weights(), gradients, m.data()...);
          if (dropped_ == dropped_update::frozen || active.dropped.empty()) return;
          const param_ranges dropped = uploaded_ranges(active.dropped, dropped_buffer_);
          if (dropped_ == dropped_update::zero_gradient)
            ops.elementwise(make<update_kind::without_gradient>(results, rates, clip), dropped, model.weights(), m.data()...);
          else
            ops.elementwise(make<update_kind::decay>(results, rates, clip), dropped, model.weights());
        },
        moments_);
  }

  // Device memory: one step count per unit id of the layout, and arenas laid out like the weights.
  int* counts() const { return counts_.data(); }
  std::size_t counts_size() const { return counts_.size(); }
  master* moment(int k) const { return moments_[static_cast<std::size_t>(k)].data(); }

 private:
  using arena_buffer = buffer<master, ops_type>;
  template <std::size_t... Index> static std::array<arena_buffer, sizeof...(Index)> make_moments(Model& model, std::index_sequence<Index...>) {
    return {((void)Index, arena_buffer(model.ops(), static_cast<std::size_t>(model.layout().size())))...};
  }
  template <update_kind Kind> update<Rule, master, Kind> make(step_results results, const rates_of_step& rates, double clip) const {
    return {rule_, results, counts_.data(), rates.rate, rates.of_blocks, clip};
  }

  Rule rule_;
  dropped_update dropped_;
  buffer<int, ops_type> counts_;
  std::array<arena_buffer, Rule::moments> moments_;
  buffer<param_range, ops_type> dropped_buffer_, kept_counts_buffer_, dropped_counts_buffer_;
};

}  // namespace raptr
