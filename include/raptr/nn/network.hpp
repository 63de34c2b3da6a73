// SPDX-License-Identifier: Apache-2.0
// One forward and backward pass through embedding, blocks and head, on any backend. On the counting backend the same
// code foretells what a step needs, so the arena is never too small and never guessed.
#pragma once

#include <raptr/nn/stack.hpp>
#include <raptr/nn/token_head.hpp>

namespace raptr {

template <class Block, class Objective, class Ops> class network {
  using real = typename Ops::real;
  using master = typename Ops::master;
  using head = token_head<Block, Objective, Ops>;
  using blocks = stack<Block, Ops>;

 public:
  explicit network(const model_shape& shape) : shape_(shape), blocks_(shape) {}
  static weight_layout layout(const model_shape& shape) { return weight_layout(shape.layers, head::weights(shape), blocks::weights(shape)); }

  /// *loss += the loss of one micro-batch; if wanted, g += its gradients. Resets the arena first.
  void pass(Ops& ops, arena& memory, const weight_layout& layout, params<const real> w, params<master> g, const step_plan& plan,
            const device_batch& on, double* loss, bool with_gradients) {
    real* const x = forward(ops, memory, layout, w, plan, on);
    head_.loss(ops, memory, w, g, on, x, loss, with_gradients ? x : nullptr);
    if (!with_gradients) return;
    blocks_.backward(ops, memory, layout, w, g, plan, on, x);  // x holds the gradient of the stream now
    head_.backward(ops, w, g, on, x);
  }
  /// out (targets, V) = logits of the target rows.
  void predict(Ops& ops, arena& memory, const weight_layout& layout, params<const real> w, const step_plan& plan, const device_batch& on, real* out) {
    const real* const x = forward(ops, memory, layout, w, plan, on);
    head_.predict(ops, memory, w, on, x, out);
  }

 private:
  real* forward(Ops& ops, arena& memory, const weight_layout& layout, params<const real> w, const step_plan& plan, const device_batch& on) {
    memory.reset();
    real* const x = memory.keep<real>(std::int64_t{on.table.rows} * shape_.width);
    head_.forward(ops, memory, w, on, x);
    blocks_.forward(ops, memory, layout, w, plan, on, x);
    return x;
  }

  model_shape shape_;
  head head_;
  blocks blocks_;
};

}  // namespace raptr
