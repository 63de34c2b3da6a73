// SPDX-License-Identifier: Apache-2.0
// The blocks between embedding and head. The stack sees a plan and the residual stream, never an objective, and visits the
// active parts only. A block that drops some sequences runs on a dense copy of the rows of the others, so parts, norms and
// residual rules are unaffected.
#pragma once

#include <tuple>
#include <utility>

#include <raptr/nn/block.hpp>
#include <raptr/nn/layers/dropout.hpp>
#include <raptr/nn/pass.hpp>

namespace raptr {

template <class Block, class Ops, class List = typename Block::parts> class stack;
template <class Block, class Ops, class... Parts> class stack<Block, Ops, part_list<Parts...>> {
  static_assert(backend<Ops>, "raptr: a device needs a backend with every operation of raptr/backend/ops.hpp");
  static_assert(norm_policy<typename Block::norm, typename Ops::real, typename Ops::master>,
                "raptr: the norm of this block is not a raptr::norm_policy: it needs bias, forward(team, x, hat, scale, n) "
                "and backward(team, hat, scale, d, n)");
  static_assert(detail::norm_is_instantiated<typename Block::norm, typename Ops::real, typename Ops::master>);
  static_assert((part<Parts, Ops> && ...),
                "raptr: an attention or mlp of this block is not a raptr::part: it needs name, axis, units, unit_flops, weights, "
                "saved, forward and backward as in raptr/nn/part.hpp");
  static_assert((residual_policy<typename Block::residual, typename Block::norm, Parts, Ops> && ...),
                "raptr: the residual of this block is not a raptr::residual_policy: it needs norm_first, saved, forward and backward as in "
                "raptr/nn/layers/residual.hpp");
  using real = typename Ops::real;
  using master = typename Ops::master;
  using rule = typename Block::residual;
  using norm = typename Block::norm;
  template <class P> using saved_of = typename rule::template saved<norm, P, Ops>;
  struct saved_block {
    real* before = nullptr;  // the stream before a block with a factor
    std::tuple<saved_of<Parts>...> parts;
  };

 public:
  explicit stack(const model_shape& shape) : shape_(shape), saved_(static_cast<std::size_t>(shape.layers)) {}
  static std::vector<part_weights> weights(const model_shape& shape) { return {weights_of<Parts>(shape)...}; }

  /// x (rows, C) becomes the stream after the last active block.
  void forward(const pass<Ops>& p, real* x) {
    for (std::size_t k = 0; k < p.plan.blocks().size(); ++k) {
      const block_plan& b = p.plan.blocks()[k];
      saved_block& s = saved_[static_cast<std::size_t>(b.block)];
      with_passing_rows(p, k, x, [&](real* stream, const part_call<Ops>& call) {
        if (b.factor != 1) {
          s.before = p.memory.template keep<real>(call.rows * shape_.width);
          p.ops.for_each_row(copy_rows<real>{s.before, stream, nullptr, nullptr, shape_.width}, call.rows);
        }
        each_part(call, b, s, [&]<class P>(part_call<Ops>& part, saved_of<P>& saved, int index) {
          rule::template forward<norm, with_dropout<P>>(part, p.weights + p.layout.of(b.block, index), saved, stream);
        });
        if (b.factor != 1) p.ops.for_each_row(blend_rows<real>{stream, s.before, 1 - b.factor, b.factor, shape_.width}, call.rows);
      });
    }
  }
  /// dx (rows, C), the gradient after the last active block, becomes that before the first; p.gradients += gradients.
  void backward(const pass<Ops>& p, real* dx) {
    for (std::size_t k = p.plan.blocks().size(); k-- > 0;) {
      const block_plan& b = p.plan.blocks()[k];
      with_passing_rows(p, k, dx, [&](real* dstream, const part_call<Ops>& call) {
        const arena::scope scratch(p.memory);
        real* identity_gradient = nullptr;  // times 1 - factor
        if (b.factor != 1) {
          identity_gradient = p.memory.template scratch<real>(call.rows * shape_.width);
          p.ops.for_each_row(copy_rows<real>{identity_gradient, dstream, nullptr, nullptr, shape_.width}, call.rows);
          p.ops.for_each_row(blend_rows<real>{dstream, identity_gradient, 0, b.factor, shape_.width}, call.rows);
        }
        each_part_reversed(call, b, saved_[static_cast<std::size_t>(b.block)], [&]<class P>(part_call<Ops>& part, saved_of<P>& saved, int index) {
          const std::size_t first = p.layout.of(b.block, index);
          rule::template backward<norm, with_dropout<P>>(part, p.weights + first, p.gradients + first, saved, dstream);
        });
        if (identity_gradient) p.ops.for_each_row(blend_rows<real>{dstream, identity_gradient, 1 - b.factor, 1, shape_.width}, call.rows);
      });
      if (p.after_block) (*p.after_block)(b.block);
    }
  }

  /// What the last forward pass through a block kept of its part number `Part`: pointers into the arena, valid until the next pass.
  template <std::size_t Part> const auto& saved(int block) const { return std::get<Part>(saved_[static_cast<std::size_t>(block)].parts); }

 private:
  template <class P> static part_weights weights_of(const model_shape& shape) {
    part_weights all{std::string(P::name), P::units(shape), norm_weights<norm>(shape, "norm")};
    for (weight& w : P::weights(shape)) all.list.push_back(std::move(w));
    return all;
  }
  /// Calls f(rows, part_call) for the rows that pass through the k-th active block: the stream itself, or a dense copy of some of
  /// its rows, which is then written back. The other rows are not touched.
  template <class F> void with_passing_rows(const pass<Ops>& p, std::size_t k, real* stream, F f) {
    const block_rows& at = p.batch.table.blocks()[k];
    if (at.rows == 0) return;
    const int block = p.plan.blocks()[k].block, place = 1 + block * static_cast<int>(sizeof...(Parts));
    const int* const rows = at.rows_at < 0 ? nullptr : p.batch.words + at.rows_at;
    const part_call<Ops> call{.ops = p.ops,
                              .memory = p.memory,
                              .shape = shape_,
                              .segments = p.batch.segments_of(at),
                              .positions = p.batch.words + at.positions_at,
                              .rows = at.rows,
                              .block = block,
                              .units = 0,
                              .factor = 1,
                              .bias_factor = 1,
                              .rotary_table = p.rotary_table,
                              .relative = relative_of(p),
                              .kept_units = at.units_at < 0 ? nullptr : p.batch.words + at.units_at,
                              .dropout = p.drops(shape_.dropout.residual, place, rows),
                              .attention_dropout = p.drops(shape_.dropout.attention, place, rows)};
    if (!rows) return f(stream, call);
    const arena::scope scratch(p.memory);
    real* const dense = p.memory.template scratch<real>(call.rows * shape_.width);
    p.ops.for_each_row(copy_rows<real>{dense, stream, nullptr, rows, shape_.width}, call.rows);
    f(dense, call);
    p.ops.for_each_row(copy_rows<real>{stream, dense, rows, nullptr, shape_.width}, call.rows);
  }
  static relative_table<Ops> relative_of(const pass<Ops>& p) {
    if (!p.bucket_index) return {};
    const std::size_t table = p.layout.of(0, 0) - 1;  // the last weight of the model
    return {p.weights[table].data, p.gradients ? p.gradients[table].data : nullptr, p.bucket_index};
  }
  template <class P, class F> void run(part_call<Ops> call, const block_plan& b, saved_of<P>& saved, int index, F& f) {
    const part_plan& p = b.parts()[static_cast<std::size_t>(index)];
    if (p.units.empty()) return;
    const double branch = shape_.residual_multiplier * p.factor;
    call.units = p.size(), call.factor = branch * p.unit_factor, call.bias_factor = branch;
    call.dropout.place += static_cast<std::uint32_t>(index), call.attention_dropout.place += static_cast<std::uint32_t>(index);
    for (int before = 0; call.kept_units && before < index; ++before) call.kept_units += b.parts()[static_cast<std::size_t>(before)].size();
    f.template operator()<P>(call, saved, index);
  }
  template <class F> void each_part(const part_call<Ops>& call, const block_plan& b, saved_block& s, F f) {
    [&]<std::size_t... Index>(std::index_sequence<Index...>) { (run<Parts>(call, b, std::get<Index>(s.parts), static_cast<int>(Index), f), ...); }
    (std::index_sequence_for<Parts...>{});
  }
  template <class F> void each_part_reversed(const part_call<Ops>& call, const block_plan& b, saved_block& s, F f) {
    [&]<std::size_t... Index>(std::index_sequence<Index...>) {
      constexpr int last = static_cast<int>(sizeof...(Parts)) - 1;
      (run<std::tuple_element_t<static_cast<std::size_t>(last) - Index, std::tuple<Parts...>>>(
           call, b, std::get<static_cast<std::size_t>(last) - Index>(s.parts), last - static_cast<int>(Index), f),
       ...);
    }
    (std::index_sequence_for<Parts...>{});
  }

  model_shape shape_;
  std::vector<saved_block> saved_;
};

}  // namespace raptr
