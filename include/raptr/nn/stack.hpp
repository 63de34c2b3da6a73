// SPDX-License-Identifier: Apache-2.0
// The blocks between embedding and head. It sees a plan and a stream of rows, never an objective; it visits the active
// parts only, so that a dropped block is not even looked at.
#pragma once

#include <tuple>
#include <utility>

#include <raptr/nn/batch.hpp>
#include <raptr/nn/block.hpp>

namespace raptr {

template <class Block, class Ops, class List = typename Block::parts> class stack;
template <class Block, class Ops, class... Parts> class stack<Block, Ops, part_list<Parts...>> {
  static_assert(backend<Ops>, "raptr: a device needs a backend with every operation of raptr/backend/ops.hpp");
  static_assert(norm_policy<typename Block::norm>,
                "raptr: the norm of this block is not a raptr::norm_policy: it needs bias, forward(team, x, hat, scale, n) "
                "and backward(team, hat, scale, d, n)");
  static_assert((part<Parts, Ops> && ...),
                "raptr: an attention or mlp of this block is not a raptr::part: it needs name, units, unit_flops, weights, saved, "
                "forward and backward as in raptr/nn/part.hpp");
  static_assert((residual_policy<typename Block::residual, typename Block::norm, Parts, Ops> && ...),
                "raptr: the residual of this block is not a raptr::residual_policy: it needs norm_first, saved, forward and backward as in "
                "raptr/nn/layers/residual.hpp");
  using real = typename Ops::real;
  using master = typename Ops::master;
  using rule = typename Block::residual;
  using norm = typename Block::norm;
  template <class P> using saved_of = typename rule::template saved<norm, P, Ops>;
  struct saved_block {
    real* before = nullptr;  // the stream in front of a block with a factor
    std::tuple<saved_of<Parts>...> parts;
  };

 public:
  explicit stack(const model_shape& shape) : shape_(shape), saved_(static_cast<std::size_t>(shape.layers)) {}
  static std::vector<part_weights> weights(const model_shape& shape) { return {weights_of<Parts>(shape)...}; }

  /// x (rows, C) becomes the stream behind the last active block.
  void forward(Ops& ops, arena& memory, const weight_layout& layout, params<const real> w, const step_plan& plan, const device_batch& on, real* x) {
    const std::int64_t rows = on.table.rows;
    for (const block_plan& b : plan.blocks()) {
      saved_block& s = saved_[static_cast<std::size_t>(b.block)];
      if (b.factor != 1) {
        s.before = memory.keep<real>(rows * shape_.width);
        ops.rows(copy_rows<real>{s.before, x, nullptr, nullptr, shape_.width}, rows);
      }
      each_part(ops, memory, b, on, s, [&]<class P>(part_call<Ops>& call, saved_of<P>& saved, int index) {
        rule::template forward<norm, P>(call, w + layout.of(b.block, index), saved, x);
      });
      if (b.factor != 1) ops.rows(blend_rows<real>{x, s.before, real(1 - b.factor), real(b.factor), shape_.width}, rows);
    }
  }
  /// dx (rows, C), the gradient behind the last active block, becomes that in front of the first; g += gradients.
  void backward(Ops& ops, arena& memory, const weight_layout& layout, params<const real> w, params<master> g, const step_plan& plan,
                const device_batch& on, real* dx) {
    const std::int64_t rows = on.table.rows;
    for (std::size_t k = plan.blocks().size(); k-- > 0;) {
      const block_plan& b = plan.blocks()[k];
      const arena::scope scratch(memory);
      real* around = nullptr;  // the gradient that passes the block by: 1 - factor of it
      if (b.factor != 1) {
        around = memory.scratch<real>(rows * shape_.width);
        ops.rows(copy_rows<real>{around, dx, nullptr, nullptr, shape_.width}, rows);
        ops.rows(blend_rows<real>{dx, around, real(0), real(b.factor), shape_.width}, rows);
      }
      each_part_reversed(ops, memory, b, on, saved_[static_cast<std::size_t>(b.block)],
                         [&]<class P>(part_call<Ops>& call, saved_of<P>& saved, int index) {
                           const std::size_t first = layout.of(b.block, index);
                           rule::template backward<norm, P>(call, w + first, g + first, saved, dx);
                         });
      if (around) ops.rows(blend_rows<real>{dx, around, real(1 - b.factor), real(1), shape_.width}, rows);
    }
  }

 private:
  template <class P> static part_weights weights_of(const model_shape& shape) {
    part_weights all{std::string(P::name), P::units(shape), norm_weights<norm>(shape, "norm")};
    for (weight& w : P::weights(shape)) all.list.push_back(std::move(w));
    return all;
  }
  template <class P, class F> void run(Ops& ops, arena& memory, const block_plan& b, const device_batch& on, saved_of<P>& saved, int index, F& f) {
    const part_plan& p = b.parts()[static_cast<std::size_t>(index)];
    if (p.units.empty()) return;
    part_call<Ops> call{ops, memory, shape_, on.segments(), on.table.rows, p.size(), real(p.factor)};
    f.template operator()<P>(call, saved, index);
  }
  template <class F> void each_part(Ops& ops, arena& memory, const block_plan& b, const device_batch& on, saved_block& s, F f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (run<Parts>(ops, memory, b, on, std::get<I>(s.parts), static_cast<int>(I), f), ...); }
    (std::index_sequence_for<Parts...>{});
  }
  template <class F> void each_part_reversed(Ops& ops, arena& memory, const block_plan& b, const device_batch& on, saved_block& s, F f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      constexpr int last = static_cast<int>(sizeof...(Parts)) - 1;
      (run<std::tuple_element_t<static_cast<std::size_t>(last) - I, std::tuple<Parts...>>>(
           ops, memory, b, on, std::get<static_cast<std::size_t>(last) - I>(s.parts), last - static_cast<int>(I), f),
       ...);
    }
    (std::index_sequence_for<Parts...>{});
  }

  model_shape shape_;
  std::vector<saved_block> saved_;
};

}  // namespace raptr
