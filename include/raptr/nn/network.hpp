// SPDX-License-Identifier: Apache-2.0
// Forward and backward pass through embedding, blocks and head, on any backend. The same code run on the counting backend
// gives the memory that a pass needs, so the activation arena has exactly that size.
#pragma once

#include <raptr/nn/pass.hpp>
#include <raptr/nn/stack.hpp>
#include <raptr/nn/token_head.hpp>

namespace raptr {

template <class Block, class Ops> class network {
  using real = typename Ops::real;
  using head = token_head<Block, Ops>;
  using stack_type = stack<Block, Ops>;

 public:
  explicit network(const model_shape& shape) : shape_(shape), head_(shape), blocks_(shape) {}
  static weight_layout layout(const model_shape& shape) {
    std::vector<weight> model = head::weights(shape);
    for (weight& shared : relative_weights<typename Block::positions>(shape)) model.push_back(std::move(shared));
    return weight_layout(shape.layers, std::move(model), stack_type::weights(shape));
  }

  /// Adds the loss of one micro-batch. Resets the arena first.
  void evaluate(const pass<Ops>& p, const loss_sums& loss) {
    real* const x = forward(p);
    head_.loss(p, x, loss, nullptr);
  }
  /// The same, and p.gradients += its gradients.
  void train(const pass<Ops>& p, const loss_sums& loss) {
    real* const x = forward(p);
    head_.loss(p, x, loss, x);  // from here on x holds the gradient of the residual stream
    blocks_.backward(p, x);
    drop_embedding(p, x);
    head_.backward(p, x);
  }
  /// logits (targets, outputs) = those of the target rows.
  void predict(const pass<Ops>& p, real* logits) { head_.predict(p, forward(p), logits); }
  const stack_type& blocks() const { return blocks_; }

 private:
  real* forward(const pass<Ops>& p) {
    p.memory.reset();
    real* const x = p.memory.template keep<real>(std::int64_t{p.batch.table.rows} * shape_.width);
    head_.forward(p, x);
    drop_embedding(p, x);
    blocks_.forward(p, x);
    return x;
  }
  /// The embedding, or its gradient.
  void drop_embedding(const pass<Ops>& p, real* x) const {
    const dropout_mask mask = p.drops(shape_.dropout.embedding, 0);
    if (mask.rate > 0) p.ops.for_each_row(drop_rows<real>{x, x, mask, shape_.width}, p.batch.table.rows);
  }

  model_shape shape_;
  head head_;
  stack_type blocks_;
};

}  // namespace raptr
