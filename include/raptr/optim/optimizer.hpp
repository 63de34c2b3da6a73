// SPDX-License-Identifier: Apache-2.0
// The elementwise update over the parameter ranges of a plan: which elements change, with which step count, what happens to
// dropped parts, and when a step is skipped. Step counts are in device memory, because only the device has the loss and the
// norm when the step runs; the clip factor and the skip condition are computed from these two in the kernel.
#pragma once

#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include <raptr/nn/active_layout.hpp>
#include <raptr/nn/block_copies.hpp>
#include <raptr/optim/clipping.hpp>
#include <raptr/optim/owner_exchange.hpp>
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
  /// owner: a rank among several has the moments of the elements that it owns alone. Then sum_gradient(), step() and gather_moments() need
  /// the communicator of these ranks.
  optimizer(Model& model, Rule rule, dropped_update dropped = dropped_update::frozen, const element_owner& owner = {})
      : rule_(rule),
        dropped_(dropped),
        exchange_(owner.ranks > 1 ? std::optional<owner_exchange<Model>>(std::in_place, model, owner) : std::nullopt),
        counts_(model.ops(), static_cast<std::size_t>(model.layout().unit_ids())),
        moments_(make_moments(model, std::make_index_sequence<Rule::moments>{})),
        dropped_buffer_(model.ops()),
        own_buffer_(model.ops()),
        kept_counts_buffer_(model.ops()),
        dropped_counts_buffer_(model.ops()) {
    reset(model);
  }
  const Rule& rule() const { return rule_; }

  /// Resets moments and step counts to their state before the first step. Only enqueues.
  void reset(Model& model) {
    copied_ranges counts, elements;
    counts.add(0, 0, static_cast<std::int64_t>(counts_.size())), elements.add(0, 0, moment_size(model));
    counts.clear(model.ops(), counts_.data());
    for (auto& m : moments_) elements.clear(model.ops(), m.data());
    gathered_.clear();
  }
  /// Copies or resets the moments and step counts of new blocks; call after Model::copy_blocks() with the same copies. Throws
  /// input_error if a block does not exist or would be written twice. Only enqueues.
  template <class Copies> void copy_blocks(Model& model, const Copies& copies, grown_state state) {
    const block_copies blocks(exchange_ ? exchange_->layout().blocks() : model.layout().blocks(), copies);
    const auto grow = [&](const copied_ranges& ranges, auto* array) {
      if (state == grown_state::copied)
        ranges.copy(model.ops(), array);
      else
        ranges.clear(model.ops(), array);
    };
    grow(blocks.counts, counts_.data());
    for (auto& m : moments_) grow(blocks.elements, m.data());
    gathered_.clear();
  }

  /// Whether this rank has a part of the moments only.
  bool is_sharded() const { return exchange_.has_value(); }
  /// Before the sums of a step, when model.active() is known.
  void begin_sums(Model& model) {
    if (exchange_) exchange_->begin(model);
  }
  /// Adds up the gradient of a block (-1: of the model around the blocks) over the ranks: for all of them, or for the owners of its elements,
  /// whose order it then has. Only enqueues. comm: a communicator, at: its comm_operation.
  template <class Comm, class At> void sum_gradient(Model& model, Comm& comm, int block, const At& at) {
    if (exchange_) return exchange_->sum_gradient(model, comm, block, at);
    for (const packed_piece& piece : model.active().pieces)
      if (piece.block == block) comm.sum(model.ops(), model.gradient_of(piece), at);
  }
  /// Computes norms and updates counts and weights; call after begin() and all accumulate(). clip: the largest global norm of the
  /// gradient, 0 for none. block_rate: a factor on the rate of all weights of blocks, for a rate that depends on the active depth.
  /// A step changes nothing if its loss, norm or rate, or a weight or moment that it reads, is not usable. Only enqueues.
  void step(Model& model, double rate, double clip, double block_rate = 1) { step(model, rates_of_step{rate, rate * block_rate}, clip); }
  /// The same with both rates given.
  void step(Model& model, const rates_of_step& rates, double clip) {
    if (exchange_) errors::optimizer_state_is_sharded(exchange_->owner().ranks, "a step needs the communicator of these ranks");
    add_norms(model, model.kept_ranges(), model.active().dropped);
    update_weights(model, model.kept_ranges(), model.active().dropped, rates, clip);
  }
  /// The same where several ranks divide the moments, after sum_gradient() of all blocks and finish(): norms are added up over the ranks, and
  /// every rank gets all updated weights. A call of all ranks, which waits for the norms. With the moments in one place, that of above.
  template <class Comm, class At> void step(Model& model, const rates_of_step& rates, double clip, Comm& comm, const At& at) {
    if (!exchange_) return step(model, rates, clip);
    const auto named = [&](std::string_view name) {
      At now = at;
      now.name = name;
      return now;
    };
    gathered_.clear();
    const bool moves_dropped = dropped_ == dropped_update::zero_gradient;
    const param_range_list dropped = moves_dropped ? exchange_->owned_of(model.active().dropped) : model.active().dropped;
    const param_ranges kept = uploaded_ranges(exchange_->kept(), own_buffer_);
    add_norms(model, kept, dropped);
    comm.sum(model.ops(), std::span<double>(model.results().tensor_squared_norms(), model.layout().all().size()), named("norm"));
    comm.finish(model.ops(), named("norm"));
    if (update_weights(model, kept, dropped, rates, clip))
      exchange_->gather_weights(model, comm, moves_dropped ? model.active().dropped : param_range_list{}, named("weights"));
  }

  // Device memory: one step count per unit id of the layout, and arenas laid out like the weights.
  int* counts() const { return counts_.data(); }
  std::size_t counts_size() const { return counts_.size(); }
  /// Throws input_error if this rank has a part of the moments only.
  master* moment(int k) const {
    if (exchange_) errors::optimizer_state_is_sharded(exchange_->owner().ranks, "no rank has an array of them: read them from a checkpoint");
    return moments_[static_cast<std::size_t>(k)].data();
  }
  /// Elements of a moment that this rank has.
  std::int64_t moment_size(const Model& model) const { return exchange_ ? exchange_->layout().size() : model.layout().size(); }

  /// Where ranks divide the moments: gives rank 0 all of them, for moment_on_host(), until they change. A call of all ranks, which waits.
  template <class Comm, class At> void gather_moments(const Model& model, Comm& comm, const At& at) {
    gathered_.clear();
    for (const auto& m : moments_)
      if (exchange_) gathered_.push_back(exchange_->on_rank_0(model, comm, m.data(), at));
  }
  /// Moment k in the layout of the weights. Where ranks divide the moments, on rank 0 after gather_moments(), else it throws input_error.
  std::vector<master> moment_on_host(const Model& model, int k) const {
    const auto size = static_cast<std::size_t>(model.layout().size());
    const auto moment = static_cast<std::size_t>(k);
    if (!exchange_) return download(model.ops(), static_cast<const master*>(moments_[moment].data()), size);
    if (gathered_.empty() || gathered_[moment].empty())
      errors::optimizer_state_is_sharded(exchange_->owner().ranks,
                                         "a checkpoint needs gather_moments() of all ranks first, as run_options::save has it, and rank 0");
    return gathered_[moment];
  }
  /// Sets moment k, or what this rank has of it, from a host array in the layout of the weights.
  void set_moment(Model& model, int k, std::span<const master> whole) {
    const auto moment = static_cast<std::size_t>(k);
    gathered_.clear();
    if (!exchange_) return model.ops().upload(moments_[moment].data(), whole.data(), whole.size());
    const std::vector<master> own = exchange_->owned_of(whole);
    model.ops().upload(moments_[moment].data(), own.data(), own.size());
  }

 private:
  using arena_buffer = buffer<master, ops_type>;
  /// Adds the squared norms of the elements of these ranges, and NaN for what is not finite.
  void add_norms(Model& model, param_ranges kept, const param_range_list& dropped) {
    ops_type& ops = model.ops();
    double* const norms = model.results().tensor_squared_norms();
    const packed_array<const master> gradients{model.gradients()};
    const master* const weights = model.weights();
    std::apply(
        [&](const auto&... m) {
          ops.elementwise_sum(square_with_state{}, kept, norms, gradients, weights, owned_array<const master>{m.data()}...);
          if (dropped_ == dropped_update::frozen || dropped.empty()) return;
          const param_ranges rest = uploaded_ranges(dropped, dropped_buffer_);
          if (dropped_ == dropped_update::zero_gradient)
            ops.elementwise_sum(finite_state{}, rest, norms, weights, owned_array<const master>{m.data()}...);
          else
            ops.elementwise_sum(finite_state{}, rest, norms, weights);
        },
        moments_);
  }
  /// False, and nothing is enqueued but the norm, if a rate is not usable.
  bool update_weights(Model& model, param_ranges kept, const param_range_list& dropped, const rates_of_step& rates, double clip) {
    ops_type& ops = model.ops();
    const active_layout& active = model.active();
    const step_results results = model.results();
    const packed_array<const master> gradients{model.gradients()};
    ops.for_each_row(total_norm{results, static_cast<int>(model.layout().all().size())}, 1);
    if (!usable_rate(rates.rate) || !usable_rate(rates.of_blocks)) return false;

    ops.elementwise(count_step(results, clip), uploaded_ranges(active.kept_counts, kept_counts_buffer_), counts_.data());
    if (dropped_ == dropped_update::zero_gradient && !active.dropped.empty())
      ops.elementwise(count_step(results, clip), uploaded_ranges(active.dropped_counts, dropped_counts_buffer_), counts_.data());

    std::apply(
        [&](auto&... m) {
          ops.elementwise(make<update_kind::with_gradient>(results, rates, clip), kept, model.weights(), gradients, owned_array<master>{m.data()}...);
          if (dropped.empty() || dropped_ == dropped_update::frozen) return;
          const param_ranges rest = uploaded_ranges(dropped, dropped_buffer_);
          if (dropped_ == dropped_update::zero_gradient)
            ops.elementwise(make<update_kind::without_gradient>(results, rates, clip), rest, model.weights(), owned_array<master>{m.data()}...);
          else
            ops.elementwise(make<update_kind::decay>(results, rates, clip), rest, model.weights());
        },
        moments_);
    return true;
  }
  template <std::size_t... Index> std::array<arena_buffer, sizeof...(Index)> make_moments(Model& model, std::index_sequence<Index...>) const {
    return {((void)Index, arena_buffer(model.ops(), static_cast<std::size_t>(moment_size(model))))...};
  }
  template <update_kind Kind> update<Rule, master, Kind> make(step_results results, const rates_of_step& rates, double clip) const {
    return {rule_, results, counts_.data(), rates.rate, rates.of_blocks, clip};
  }

  Rule rule_;
  dropped_update dropped_;
  std::optional<owner_exchange<Model>> exchange_;  // where ranks divide the moments
  buffer<int, ops_type> counts_;
  std::array<arena_buffer, Rule::moments> moments_;
  std::vector<std::vector<master>> gathered_;  // on rank 0 all moments, when they are saved
  buffer<param_range, ops_type> dropped_buffer_, own_buffer_, kept_counts_buffer_, dropped_counts_buffer_;
};

}  // namespace raptr
