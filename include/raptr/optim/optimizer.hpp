// SPDX-License-Identifier: Apache-2.0
// The walk over the ranges of a plan: which elements move, with which step count, what happens to dropped parts, when a
// step is skipped. Step counts live on the device, because only there it is known that a step is skipped; the clip
// factor and the non-finite flag are the loss and the norm themselves, read where they are.
#pragma once

#include <array>
#include <cmath>
#include <string_view>
#include <tuple>
#include <vector>

#include <raptr/nn/active_layout.hpp>
#include <raptr/nn/block_copies.hpp>
#include <raptr/optim/rules.hpp>
#include <raptr/tensor/buffer.hpp>

namespace raptr {

/// What a dropped part does in a step: nothing at all, and its own step count stands still (frozen); an ordinary step
/// with a gradient of zero (zero_gradient); weight decay alone (decay_only).
enum class dropped_update { frozen, zero_gradient, decay_only };

/// What the optimizer knows of a block that was copied: all that it knew of the source, or nothing. Moments and step counts
/// go together either way, because bias correction divides the moments by what their count says is missing: zero moments
/// with an old count would be taken for gradients that were zero all along, old moments with a count of zero would be
/// made far too large by a correction for steps that they have had.
enum class grown_state { copied, reset };

/// Moments and step counts at the border of two stages: kept, or as before the first step.
enum class border_state { kept, reset };

struct update_options {
  dropped_update dropped = dropped_update::frozen;
  border_state at_borders = border_state::kept;
  grown_state grown = grown_state::copied;  // of blocks that a schedule copies
};

/// The square of a gradient must fit into a second moment in float.
RAPTR_BOTH inline bool usable_squared_norm(double square) { return square < 1e38; }  // NaN is not
/// loss, squared norm, squared norms of tensors: the first two say whether a step counts.
RAPTR_BOTH inline bool finite_results(const double* results) { return std::isfinite(results[0]) && usable_squared_norm(results[1]); }

/// A larger rate takes a weight out of float in a few steps.
inline bool usable_rate(double rate) { return rate >= 0 && rate < 1e15; }  // NaN is not

/// 0, or NaN where something that a step reads is not finite.
struct finite_state : no_state {
  template <class... State> RAPTR_BOTH double operator()(const per_unit&, const State&... read) const {
    return double((0.0f + ... + (State(0) * read)));
  }
};
/// The square of a gradient beside what a step reads with it.
struct square_with_state : no_state {
  template <class G, class... State> RAPTR_BOTH double operator()(const per_unit& unit, const G& gradient, const State&... read) const {
    return double(gradient) * double(gradient) + finite_state{}(unit, read...);
  }
};

/// results[1] = the sum of the squared norms of all tensors, in their order.
struct total_norm {
  static constexpr int sums = 0;
  double* results;
  int tensors;
  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t) const {
    double* const r = results;
    const int n = tensors;
    team.each(1, [=](int) {
      double sum = 0;
      for (int k = 0; k < n; ++k) sum += r[2 + k];
      r[1] = sum;
    });
  }
};

struct count_step : no_state {
  const double* results;
  RAPTR_BOTH explicit count_step(const double* r) : results(r) {}
  RAPTR_BOTH void operator()(const per_unit&, int& count) const {
    if (finite_results(results)) ++count;
  }
};

enum class update_kind { with_gradient, without_gradient, decay };
template <class Rule, class S, update_kind Kind> struct update {
  struct per_unit {
    bool run;
    S clip;
    unit_scalars<S> scalars;
  };
  Rule rule;
  const double* results;
  const int* counts;
  double rate, block_rate, clip;  // block_rate: the learning rate of weights of blocks

  RAPTR_BOTH per_unit begin(const walk_range& range, int unit) const {
    const double norm = std::sqrt(results[1]);
    per_unit u{finite_results(results),
               S(clip > 0 && norm > clip ? clip / norm : 1),
               {S(range.in_block ? block_rate : rate), range.decays ? S(rule.weight_decay) : S(0), counts[unit], S(1), S(1)}};
    if (u.run && Kind != update_kind::decay) rule.prepare(u.scalars);
    return u;
  }
  template <class... M> RAPTR_BOTH void operator()(const per_unit& u, S& w, M&... m) const {
    if constexpr (Kind == update_kind::with_gradient)
      with(u, w, m...);
    else if constexpr (Kind == update_kind::without_gradient)
      rule.update(u.scalars, w, S(0), m...);
    else
      w -= u.scalars.rate * u.scalars.decay * w;
  }
  template <class... M> RAPTR_BOTH void with(const per_unit& u, S& w, const S& g, M&... m) const { rule.update(u.scalars, w, g * u.clip, m...); }
};

template <class Rule, class Model> class optimizer {
  static_assert(optimizer_rule<Rule>, "raptr: an optimizer has lr, weight_decay, moments, prepare() and update(), such as raptr::adamw{.lr = 1e-3}");
  using ops_type = typename Model::ops_type;
  using master = typename Model::master;

 public:
  optimizer(Model& model, Rule rule, dropped_update dropped = dropped_update::frozen)
      : rule_(rule),
        dropped_(dropped),
        counts_(model.ops(), static_cast<std::size_t>(model.layout().unit_ids())),
        moments_(make_moments(model, std::make_index_sequence<Rule::moments>{})),
        off_list_(model.ops()),
        counts_on_list_(model.ops()),
        counts_off_list_(model.ops()) {
    reset(model);
  }
  const Rule& rule() const { return rule_; }

  /// Moments and step counts as before the first step. Only enqueues.
  void reset(Model& model) {
    copied_ranges counts, elements;
    counts.add(0, 0, static_cast<std::int64_t>(counts_.size())), elements.add(0, 0, model.layout().size());
    counts.clear(model.ops(), counts_.data());
    for (auto& m : moments_) elements.clear(model.ops(), m.data());
  }
  /// After Model::copy_blocks() with the same copies: the moments and step counts of the new blocks. Throws input_error if
  /// a block does not exist or would be written twice. Only enqueues.
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
  /// After begin() and all accumulate(): norms, counts, weights. clip: the largest global norm of the gradient, 0 for none.
  /// block_rate: a factor on the rate of all weights of blocks, for a rate that depends on the depth of the step.
  /// A step changes nothing if its loss, norm or rate is not usable, or a weight or moment that it would read. Only enqueues.
  void step(Model& model, double rate, double clip, double block_rate = 1) {
    ops_type& ops = model.ops();
    const active_layout& active = model.active();
    double* const results = model.results();
    const walk_list on = model.active_ranges();
    const by_plan<const master> gradients{model.gradients()};
    const bool moves_off = dropped_ == dropped_update::zero_gradient && !active.off.empty();
    std::apply(
        [&](const auto&... m) {
          const auto read = [](const master* arena) { return arena; };
          ops.walk_sum(square_with_state{}, on, results + 2, gradients, read(model.weights()), read(m.data())...);
          if constexpr (Rule::moments > 0)
            if (moves_off) ops.walk_sum(finite_state{}, walk_list_of(active.off, off_list_), results + 2, read(m.data())...);
        },
        moments_);
    ops.rows(total_norm{results, static_cast<int>(model.results_size()) - 2}, 1);
    if (!usable_rate(rate) || !usable_rate(rate * block_rate)) return;

    ops.walk(count_step(results), walk_list_of(active.counts_on, counts_on_list_), counts_.data());
    if (moves_off) ops.walk(count_step(results), walk_list_of(active.counts_off, counts_off_list_), counts_.data());

    std::apply(
        [&](auto&... m) {
          ops.walk(make<update_kind::with_gradient>(results, rate, rate * block_rate, clip), on, model.weights(), gradients, m.data()...);
          if (dropped_ == dropped_update::frozen || active.off.empty()) return;
          const walk_list off = walk_list_of(active.off, off_list_);
          if (dropped_ == dropped_update::zero_gradient)
            ops.walk(make<update_kind::without_gradient>(results, rate, rate * block_rate, clip), off, model.weights(), m.data()...);
          else
            ops.walk(make<update_kind::decay>(results, rate, rate * block_rate, clip), off, model.weights());
        },
        moments_);
  }

  // Device memory: a step count per unit id of the layout, and arenas like the weights.
  int* counts() const { return counts_.data(); }
  std::size_t counts_size() const { return counts_.size(); }
  master* moment(int k) const { return moments_[static_cast<std::size_t>(k)].data(); }

 private:
  using arena_buffer = buffer<master, ops_type>;
  template <std::size_t... I> static std::array<arena_buffer, sizeof...(I)> make_moments(Model& model, std::index_sequence<I...>) {
    return {((void)I, arena_buffer(model.ops(), static_cast<std::size_t>(model.layout().size())))...};
  }
  template <update_kind Kind> update<Rule, master, Kind> make(const double* results, double rate, double block_rate, double clip) const {
    return {rule_, results, counts_.data(), rate, block_rate, clip};
  }

  Rule rule_;
  dropped_update dropped_;
  buffer<int, ops_type> counts_;
  std::array<arena_buffer, Rule::moments> moments_;
  buffer<walk_range, ops_type> off_list_, counts_on_list_, counts_off_list_;
};

}  // namespace raptr
