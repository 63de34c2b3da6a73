// SPDX-License-Identifier: Apache-2.0
// A network: block, objective, device. It owns the arenas and runs a step: begin(plan), then accumulate() for every micro-batch.
// The host only enqueues: loss and gradient norms stay in device memory (`results`), where the optimizer reads them.
#pragma once

#include <memory>
#include <span>

#include <raptr/base/random.hpp>
#include <raptr/nn/block_copies.hpp>
#include <raptr/nn/check_batch.hpp>
#include <raptr/nn/error.hpp>
#include <raptr/nn/network.hpp>
#include <raptr/nn/objective.hpp>
#include <raptr/nn/objectives/causal_lm.hpp>
#include <raptr/nn/ops_of.hpp>
#include <raptr/nn/packed_weights.hpp>
#include <raptr/nn/spread_gradients.hpp>
#include <raptr/nn/step_results.hpp>
#include <raptr/nn/untrained_tensor.hpp>
#include <raptr/tensor/buffer.hpp>

namespace raptr {

template <class Block, class Objective> constexpr bool sees_what_the_objective_needs() {
  if constexpr (block_bundle<Block> && objective<Objective>) {
    if constexpr (requires { Block::attention::causal; }) return Objective::looks_back_only == Block::attention::causal;
  }
  return true;
}

/// multiply_adds: of the dense products, forward and backward.
struct pass_needs {
  std::size_t activation_bytes = 0;
  double multiply_adds = 0;
};

template <class Block, class Objective, class Device> class transformer {
  static_assert(block_bundle<Block>,
                "raptr: the first argument of transformer is a block: a preset such as raptr::bert_block, or raptr::block<raptr::bert_block, ...>");
  static_assert(!block_bundle<Block> || block_with_precision<Block>,
                "raptr: the precision of this block is not a raptr::precision_policy: it needs the types real and master");
  static_assert(!block_bundle<Block> || positions_policy<typename bundle_or_fallback<Block>::positions>,
                "raptr: the positions of this block are not a raptr::positions_policy: they need has_table, as raptr::learned_positions has");
  static_assert(!block_bundle<Block> || head_policy<typename bundle_or_fallback<Block>::head>,
                "raptr: the head of this block is not a raptr::head_policy: it needs tied, transforms and transform, as raptr::lm_head has");
  static_assert(!block_bundle<Block> || loss_policy<typename bundle_or_fallback<Block>::loss>,
                "raptr: the loss of this block is not a raptr::loss_policy: it needs template <class T, class S> using kernel, a row kernel with the "
                "members of raptr::cross_entropy");
  static_assert(!block_bundle<Block> || follows_its_positions<bundle_or_fallback<Block>>(),
                "raptr: this block has rotary or relative positions, but an attention that knows of none: it needs template <class Positions> "
                "using with_positions, its own type if it applies those of its part_call by itself");
  static_assert(!block_bundle<Block> || looks_where_its_positions_do<bundle_or_fallback<Block>>(),
                "raptr: this block has an attention that sees both sides and relative positions that look back only: take relative_buckets<true>");
  static_assert(!block_bundle<Block> || follows_its_bias_policy<bundle_or_fallback<Block>>(),
                "raptr: this block has no_biases, but a norm with a bias, or an attention or mlp that does not say what it is without: "
                "it needs template <class Bias> using with_bias, its own type if it has no biases");
  static_assert(
      objective<Objective>,
      "raptr: the second argument of transformer is an objective: raptr::masked_lm, raptr::causal_lm, raptr::ul2, or a type with looks_back_only, "
      "name, window(context) and add(batch, tokens, vocabulary, seed, sample)");
  static_assert(sees_what_the_objective_needs<Block, Objective>(),
                "raptr: this objective does not fit the attention of this block: causal_lm and ul2 need a causal one (gpt2_block, causal_attention), "
                "masked_lm one that "
                "sees both sides (bert_block, full_attention)");
  static_assert(available_device<Device>,
                "raptr: this device has no backend here: include <raptr/backend/cpu.hpp>, or <raptr/backend/cuda.cuh> from a file that "
                "nvcc compiles");
  static constexpr bool right = block_with_policies<Block> && objective<Objective>;

 public:
  using block = std::conditional_t<right, Block, fallback_block>;
  using objective_type = std::conditional_t<right, Objective, causal_lm>;
  using ops_type = typename ops_of<Device, block>::type;
  using real = typename ops_type::real;
  using master = typename ops_type::master;
  using options = typename device_options<Device>::type;
  using head = token_head<block, ops_type>;

  /// Throws input_error if the shape is not valid.
  explicit transformer(const model_shape& shape, const options& device = {}, objective_type objective = {})
      : objective_(std::move(objective)),
        shape_(checked(shape)),
        ops_(std::make_unique<ops_type>(device)),
        layout_(network_type::layout(shape)),
        network_(shape),
        dry_network_(shape) {}
  transformer(transformer&&) noexcept = default;
  transformer& operator=(transformer&&) = delete;  // would destroy the backend before the memory it owns

  const model_shape& shape() const { return shape_; }
  const objective_type& objective() const { return objective_; }
  ops_type& ops() const { return *ops_; }
  const weight_layout& layout() const { return layout_; }
  const active_layout& active() const { return active_; }
  /// sequences: of one step, all micro-batches together, for plans that drop some of them; any model runs such a plan.
  network_layout plan_layout(int sequences = 0) const { return layout_of<block>(shape_, sequences); }
  bool initialised() const { return initialised_; }
  /// From begin(plan) on, until one without gradients: those of a trainer's last step, before an evaluation.
  bool has_gradients() const { return has_gradients_; }
  /// Until the next begin(), the memory of gradients() serves the caller.
  void release_gradients() { has_gradients_ = false; }

  /// Random weights, a pure function of the seed and the shape; standard deviations are those of the block's family.
  void initialise(std::uint64_t seed) {
    std::vector<master> host(static_cast<std::size_t>(layout_.size()), master(0));
    for (std::size_t k = 0; k < layout_.all().size(); ++k) {
      const placed_weight& w = layout_.all()[k];
      const random_stream draw = random_key{seed}.stream("initialise", k);
      const double deviation = initial_deviation<block>(w.what.init, shape_);
      for (std::int64_t i = 0; i < w.size(); ++i) {
        master& to = host[static_cast<std::size_t>(w.first + i)];
        if (w.what.init == initializer::ones)
          to = master(1);
        else if (w.what.init != initializer::zeros)
          to = master(deviation * draw.normal(static_cast<std::uint64_t>(i)));
      }
    }
    set_weights(host);
  }
  /// All weights, in the order of layout().
  void set_weights(std::span<const master> host) {
    if (host.size() != static_cast<std::size_t>(layout_.size())) errors::weights_have_the_wrong_size(host.size(), layout_.size());
    weights_.resize(host.size());
    ops_->upload(weights_.data(), host.data(), host.size());
    rotary_table_.fill(shape_), bucket_index_.fill(shape_);
    initialised_ = true;
  }
  std::vector<master> get_weights() const {
    if (!initialised_) errors::weights_are_not_initialised();
    return download(*ops_, static_cast<const master*>(weights_.data()), static_cast<std::size_t>(layout_.size()));
  }

  /// Tensors that came with the weights and that no objective trains, such as the pooler of a BERT: a checkpoint keeps them.
  const std::vector<untrained_tensor<master>>& untrained() const { return untrained_; }
  void set_untrained(std::vector<untrained_tensor<master>> tensors) { untrained_ = std::move(tensors); }

  /// Copies the weights of block `from` over those of block `to`, all at once: {1 -> 2, 2 -> 3} shifts. copies: a range of
  /// objects with int members from and to. Between two steps; only enqueues. Throws input_error if a block does not exist
  /// or would be written twice.
  template <class Copies> void copy_blocks(const Copies& copies) {
    if (!initialised_) errors::weights_are_not_initialised();
    block_copies(layout_, copies).elements.copy(*ops_, weights_.data());
  }

  /// Before the micro-batches of a step, or before an evaluation: packs what trains and clears its gradient and results.
  void begin(const step_plan& plan, bool with_gradients = true) {
    if (!initialised_) errors::weights_are_not_initialised();
    if (!(plan.layout() == plan_layout(plan.layout().sequences))) errors::plan_is_of_another_network();
    active_.lower(layout_, plan);
    slot_ = 1 - slot_, has_gradients_ = with_gradients, widened_ = false;
    if (drops()) dropout_key_ = dropout_key_of(plan.key());
    results_.resize(2 * results_size());
    zeros_.assign(results_size(), 0.0);
    ops_->upload(results_data(), zeros_.data(), zeros_.size());
    packed_.pack(layout_, active_, weights_.data());
    if (!with_gradients) return;
    packed_.place_gradients(layout_, active_);
    kept_ranges_ = uploaded_ranges(active_.kept, kept_buffer_);
    ops_->elementwise(fill_zero{}, kept_ranges_, packed_array<master>{gradients()});
  }
  /// After begin(plan), on a rank whose gradient is added to those of other plans: active(), gradients() and kept_ranges() become those of
  /// `all`, the union of the plans. They are zeros, until spread() has brought the gradient of the plan there, times a factor for each
  /// unit id of layout(), if there are any.
  void widen(const step_plan& all, const std::vector<double>& factors = {}) {
    std::swap(active_, own_), active_.lower(layout_, all);
    spread_.place(layout_, own_, active_, factors);
    kept_ranges_ = spread_.kept(), widened_ = true;
  }
  /// of_block -1: of the weights around the blocks. Nothing to do unless widen() was called. Only enqueues.
  void spread(int of_block) {
    if (widened_) spread_.copy(of_block, packed_.gradient_data());
  }
  /// results().loss() += the loss of one micro-batch; if wanted, gradients() += its gradients. After begin(plan). Throws
  /// input_error if the batch is not valid, or the plan drops sequences and the batch holds others than it chose from. after_block: see
  /// block_hook; the work on the gradient is enqueued by then.
  void accumulate(const step_plan& plan, const batch& data, bool with_gradients = true, const block_hook& after_block = {}) {
    const device_batch sent = send(plan, data);
    const auto run = [&](auto& net, const auto& p, const loss_sums& loss) { with_gradients ? net.train(p, loss) : net.evaluate(p, loss); };
    const params<master> gradients = with_gradients ? packed_.gradients() : nullptr;
    fit_arena([&](auto& ops, arena& memory) { run(dry_network_, pass_of(ops, memory, plan, sent, packed_.weights(), gradients), {}); });
    run(network_, pass_of(*ops_, memory_, plan, sent, packed_.weights(), gradients, after_block ? &after_block : nullptr),
        {&results().loss(), results().group_losses(layout_.all().size())});
  }
  /// The loss of the micro-batches since begin(). Waits for the device.
  double loss() const { return download(*ops_, static_cast<const double*>(results_data()), 1)[0]; }
  /// Logits (targets, outputs) of the target rows. After begin(plan, false).
  std::vector<real> predict(const step_plan& plan, const batch& data) {
    const device_batch sent = send(plan, data);
    const std::size_t size = static_cast<std::size_t>(sent.table.targets) * static_cast<std::size_t>(head::outputs(shape_));
    logits_.resize(size);
    fit_arena([&](auto& ops, arena& memory) { dry_network_.predict(pass_of(ops, memory, plan, sent, packed_.weights(), nullptr), nullptr); });
    network_.predict(pass_of(*ops_, memory_, plan, sent, packed_.weights(), nullptr), logits_.data());
    return download(*ops_, static_cast<const real*>(logits_.data()), size);
  }

  /// What a training pass of this plan over this batch needs. Computes nothing and takes no device memory.
  pass_needs needs(const step_plan& plan, const batch& data) const {
    check_batch(data, plan, shape_, {head::outputs(shape_), groups_});
    active_layout active;
    active.lower(layout_, plan);
    std::vector<matrix<const real>> w;
    std::vector<matrix<master>> g;
    for (std::size_t k = 0; k < layout_.all().size(); ++k) {
      w.push_back(kept_rows<const real>(layout_, active, k, nullptr));
      g.push_back(kept_rows<master>(layout_, active, k, nullptr));
    }
    step_table table;
    table.lower(data, plan, wanted());
    const device_batch unsent{table, table.words().data(), table.weights().data()};
    return dry_run([&](auto& ops, arena& memory) { dry_network_.train(pass_of(ops, memory, plan, unsent, w.data(), g.data()), {}); });
  }
  std::size_t activation_bytes(const step_plan& plan, const batch& data) const { return needs(plan, data).activation_bytes; }

  // Device memory.
  master* weights() const { return weights_.data(); }
  master* gradients() const { return widened_ ? spread_.data() : packed_.gradient_data(); }  // of active units
  std::span<master> gradient_of(const packed_piece& piece) const {
    return {gradients() + piece.first, static_cast<std::size_t>(piece.last - piece.first)};
  }
  step_results results() const { return step_results(results_data()); }
  std::span<double> group_losses() const { return {results().group_losses(layout_.all().size()), groups_}; }
  double* results_data() const { return results_.data() + static_cast<std::size_t>(slot_) * results_size(); }
  std::size_t results_size() const { return step_results::size_for(layout_.all().size(), groups_); }
  param_ranges kept_ranges() const { return kept_ranges_; }
  // Of the last pass: the blocks, for what they saved, and which rows passed through each.
  const auto& blocks() const { return network_.blocks(); }
  const step_table& table() const { return table_; }
  /// Peak bytes of activations of the last pass.
  std::size_t activation_peak() const { return memory_.peak(); }

 private:
  using network_type = network<block, ops_type>;

  static const model_shape& checked(const model_shape& shape) {
    shape.check();
    if (shape.norm_eps > 0 && !norm_with_epsilon<typename block::norm, real, master>) errors::norm_has_no_epsilon(shape.norm_eps);
    if (shape.dropout.attention > 0 && !with_probability_dropout<typename block::attention>)
      errors::attention_has_no_dropout(shape.dropout.attention);
    check_positions<typename block::positions>(shape);
    return shape;
  }
  template <class Ops> pass<Ops> pass_of(Ops& ops, arena& memory, const step_plan& plan, const device_batch& sent, params<const real> weights,
                                         params<master> gradients, const block_hook* after_block = nullptr) const {
    return {ops, memory, layout_, plan, sent, weights, gradients, rotary_table_.data(), bucket_index_.data(), dropout_key_, after_block};
  }
  bool drops() const { return shape_.dropout != dropout_rates{}; }
  step_table::extras wanted() const { return {groups_, relative_policy<typename block::positions> || shape_.dropout.attention > 0, drops()}; }
  device_batch send(const step_plan& plan, const batch& data) {
    check_batch(data, plan, shape_, {head::outputs(shape_), groups_});
    table_.lower(data, plan, wanted());
    return {table_, words_.put(table_.words()), target_weights_.put(table_.weights())};
  }
  static pass_needs dry_run(auto run) {
    counting_ops<real, master, ops_type::working_set> count;
    arena measure = arena::unbounded();
    run(count, measure);
    return {measure.peak(), count.multiply_adds};
  }
  void fit_arena(auto run) {
    arena_bytes_.resize(dry_run(run).activation_bytes);
    memory_ = arena(arena_bytes_.data(), arena_bytes_.size());
  }

  objective_type objective_;
  std::size_t groups_ = groups_of(objective_).size();  // of targets
  model_shape shape_;
  std::unique_ptr<ops_type> ops_;
  weight_layout layout_;
  active_layout active_, own_;  // own_: of the plan alone, after widen()
  network_type network_;
  mutable network<block, counting_ops<real, master, ops_type::working_set>> dry_network_;  // keeps no state between passes
  bool initialised_ = false, has_gradients_ = false, widened_ = false;
  int slot_ = 0;
  std::array<std::uint32_t, 2> dropout_key_{};
  std::vector<untrained_tensor<master>> untrained_;

  buffer<master, ops_type> weights_{*ops_};
  packed_weights<ops_type> packed_{*ops_};
  spread_gradients<ops_type> spread_{*ops_};
  rotary_table<typename block::positions, ops_type> rotary_table_{*ops_};
  bucket_index<typename block::positions, ops_type> bucket_index_{*ops_};
  buffer<real, ops_type> logits_{*ops_};
  buffer<char, ops_type> arena_bytes_{*ops_};
  buffer<double, ops_type> results_{*ops_};
  arena memory_;

  std::vector<double> zeros_;
  step_table table_;
  param_ranges kept_ranges_{};
  buffer<param_range, ops_type> kept_buffer_{*ops_};
  buffer<int, ops_type> words_{*ops_};
  buffer<float, ops_type> target_weights_{*ops_};
};

}  // namespace raptr
