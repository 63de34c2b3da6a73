// SPDX-License-Identifier: Apache-2.0
// Embeddings before the blocks, logits and loss after them, with one token table for both (tied). Logits exist for target rows
// only, a chunk of rows at a time: forward, loss and backward of a chunk run while it is in cache, and the largest array of a
// step has a fixed size.
#pragma once

#include <raptr/nn/block.hpp>
#include <raptr/nn/layers/cross_entropy.hpp>
#include <raptr/nn/layers/embedding.hpp>
#include <raptr/nn/pass.hpp>

namespace raptr {

template <class Block, class Objective, class Ops> class token_head {
  using real = typename Ops::real;
  using master = typename Ops::master;
  using norm_policy = typename Block::norm;
  using norm = norm_layer<norm_policy, Ops>;
  static constexpr bool norm_first = Block::residual::norm_first;

 public:
  // Post-norm blocks expect normalised rows, so a norm follows the embeddings; pre-norm blocks return raw ones, so a
  // norm follows the blocks. Either way it is the weight at `norm_at`.
  enum { tokens, positions, norm_at };
  static constexpr int transform = norm_at + norm::weights, transform_bias = transform + 1, transform_norm = transform + 2;
  static constexpr int output_bias = transform_norm + norm::weights;
  static constexpr int types = Block::embedding::types, types_at = Objective::transforms ? output_bias + 1 : norm_at + norm::weights;

  static std::vector<weight> weights(const model_shape& s) {
    std::vector<weight> list{{"tokens", false, {{"embed_tokens.weight", s.vocab}}, s.width, initializer::normal, true},
                             {"positions", false, {{"embed_positions.weight", s.context}}, s.width, initializer::normal, true}};
    const auto append = [&list](std::vector<weight> more) { list.insert(list.end(), more.begin(), more.end()); };
    append(norm_weights<norm_policy>(s, norm_first ? "final_norm" : "embed_norm"));
    if constexpr (Objective::transforms) {
      append({{"transform", false, {{"transform.weight", s.width}}, s.width, initializer::normal, true},
              {"transform_bias", false, {{"transform.bias", s.width}}, 1, initializer::zeros, false}});
      append(norm_weights<norm_policy>(s, "transform_norm"));
      append({{"output_bias", false, {{"output.bias", s.vocab}}, 1, initializer::zeros, false}});
    }
    if constexpr (types > 0) append({{"token_types", false, {{"embed_token_types.weight", types}}, s.width, initializer::normal, true}});
    return list;
  }
  /// FLOPs of the forward pass for one target: transform and logits; multiply and add counted separately.
  static double flops_per_target(const model_shape& s) { return 2.0 * s.width * s.vocab + (Objective::transforms ? 2.0 * s.width * s.width : 0.0); }

  /// x (rows, C) = embeddings.
  void forward(const pass<Ops>& p, real* x) {
    const step_table& t = p.batch.table;
    const auto w = p.weights;
    p.ops.for_each_row(embed<real>{x, w[tokens].data, w[positions].data, p.batch.words + t.ids_at, p.batch.words + t.positions_at, w[tokens].width},
                       t.rows);
    if constexpr (types > 0) p.ops.for_each_row(add_to_rows<real>{x, w[types_at].data, w[tokens].width}, t.rows);
    if constexpr (!norm_first) {
      embed_norm_ = norm::keep(p.memory, t.rows, w[tokens].width);
      norm::forward(p.ops, w + norm_at, embed_norm_, x, x, t.rows);
    }
  }
  /// p.gradients += those of the embeddings from dx (rows, C), which is overwritten.
  void backward(const pass<Ops>& p, real* dx) {
    const auto w = p.weights;
    const auto g = p.gradients;
    const step_table& t = p.batch.table;
    if constexpr (!norm_first) norm::backward(p.ops, w + norm_at, g + norm_at, embed_norm_, dx, nullptr, t.rows);
    const int width = w[tokens].width;
    p.ops.for_each_row(gather_into(g[tokens].data, dx, p.batch, t.by_id, width), t.by_id.count);
    p.ops.for_each_row(gather_into(g[positions].data, dx, p.batch, t.by_position, width), t.by_position.count);
    if constexpr (types > 0) p.ops.for_each_row(add_to_rows_backward<real, master>{dx, g[types_at].data, width}, t.rows);
  }

  /// *loss += the loss of all targets. With dx: dx (rows, C), which may be x, = its gradient; p.gradients += those of the head.
  void loss(const pass<Ops>& p, const real* x, double* loss, real* dx) {
    const auto w = p.weights;
    const auto g = p.gradients;
    const step_table& t = p.batch.table;
    const arena::scope scratch(p.memory);
    const int width = w[tokens].width, vocab = w[tokens].rows;
    const std::int64_t all = t.targets, chunk = std::max<std::int64_t>(1, std::min(all, largest_chunk / vocab));
    rows_of_chunk at(p.memory, chunk, width, vocab);
    double* const row_loss = p.memory.template scratch<double>(all);
    real* const rows = p.memory.template scratch<real>(all * width);  // of targets, then their gradients: dx may be x
    const int* const target_rows = p.batch.words + t.target_rows_at;
    const master scale = master(1 / t.normaliser);
    p.ops.for_each_row(copy_rows<real>{rows, x, nullptr, target_rows, width}, all);
    for (std::int64_t first = 0; first < all; first += chunk) {
      const std::int64_t n = std::min(chunk, all - first);
      real* const h = rows + first * width;
      const int* const ids = p.batch.words + t.target_ids_at + first;
      const cross_entropy<real, master> epilogue{at.logits, ids, p.batch.weights + first, row_loss + first, scale, vocab, dx != nullptr};
      logits(p.ops, w, at, h, n, epilogue);
      if (!dx) continue;
      p.ops.matmul_tn(g[tokens], at.logits, output_rows(at), n, 1, bias_sum(g), nullptr, 0);
      p.ops.matmul_nn(h, at.logits, w[tokens], n, 1, 0, nullptr, 0);
      rows_backward(p.ops, w, g, at, h, n);
    }
    p.ops.for_each_row(sum_rows{row_loss, loss}, all);
    if (!dx) return;
    p.ops.for_each_row(zero_rows<real>{dx, width}, t.rows);
    p.ops.for_each_row(copy_rows<real>{dx, rows, target_rows, nullptr, width}, all);
  }
  /// out (targets, V) = the logits of all target rows.
  void predict(const pass<Ops>& p, const real* x, real* out) {
    const auto w = p.weights;
    const step_table& t = p.batch.table;
    const arena::scope scratch(p.memory);
    const int width = w[tokens].width;
    const std::int64_t all = t.targets;
    rows_of_chunk at(p.memory, all, width, 0);
    at.logits = out;
    real* const rows = p.memory.template scratch<real>(all * width);
    p.ops.for_each_row(copy_rows<real>{rows, x, nullptr, p.batch.words + t.target_rows_at, width}, all);
    logits(p.ops, w, at, rows, all, no_epilogue{});
  }

 private:
  static constexpr std::int64_t largest_chunk = Ops::working_set / static_cast<std::int64_t>(sizeof(real));  // logits at a time

  struct rows_of_chunk {
    rows_of_chunk(arena& memory, std::int64_t rows, int width, int vocab)
        : logits(memory.scratch<real>(rows * vocab)), final_rows(memory.scratch<real>(rows * width)), final_norm(norm::scratch(memory, rows, width)) {
      if constexpr (Objective::transforms) {
        pre = memory.scratch<real>(rows * width), transformed = memory.scratch<real>(rows * width);
        transform_norm = norm::scratch(memory, rows, width);
      }
    }
    real *logits, *final_rows, *pre = nullptr, *transformed = nullptr;
    typename norm::saved final_norm, transform_norm;
  };
  static const real* output_rows(const rows_of_chunk& at) { return Objective::transforms ? at.transformed : at.final_rows; }
  static master* bias_sum(params<master> g) {
    if constexpr (Objective::transforms)
      return g[output_bias].data;
    else
      return nullptr;
  }

  /// at.logits (n, V) from h (n, C), keeping what the backward pass needs.
  template <class Epilogue>
  static void logits(Ops& ops, params<const real> w, const rows_of_chunk& at, const real* h, std::int64_t n, const Epilogue& epilogue) {
    const int width = w[tokens].width;
    if constexpr (norm_first)
      norm::forward(ops, w + norm_at, at.final_norm, h, at.final_rows, n);
    else
      ops.for_each_row(copy_rows<real>{at.final_rows, h, nullptr, nullptr, width}, n);
    const real* bias = nullptr;
    if constexpr (Objective::transforms) {
      ops.matmul_nt(at.pre, at.final_rows, w[transform], w[transform_bias].data, n, 1, activate<gelu_erf, real>{at.pre, at.transformed, 1, width});
      norm::forward(ops, w + transform_norm, at.transform_norm, at.transformed, at.transformed, n);
      bias = w[output_bias].data;
    }
    ops.matmul_nt(at.logits, output_rows(at), w[tokens], bias, n, 1, epilogue);
  }
  /// d (n, C): the gradient of output_rows becomes that of the rows after the last block.
  static void rows_backward(Ops& ops, params<const real> w, params<master> g, const rows_of_chunk& at, real* d, std::int64_t n) {
    if constexpr (Objective::transforms) {
      norm::backward(ops, w + transform_norm, g + transform_norm, at.transform_norm, d, nullptr, n);
      ops.for_each_row(activate_backward<gelu_erf, real>{at.pre, d, at.pre, 1, w[tokens].width}, n);
      ops.matmul_tn(g[transform], at.pre, at.final_rows, n, 1, g[transform_bias].data, nullptr, 0);
      ops.matmul_nn(d, at.pre, w[transform], n, 1, 0, nullptr, 0);
    }
    if constexpr (norm_first) norm::backward(ops, w + norm_at, g + norm_at, at.final_norm, d, nullptr, n);
  }

  typename norm::saved embed_norm_;
};

}  // namespace raptr
