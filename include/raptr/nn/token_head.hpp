// SPDX-License-Identifier: Apache-2.0
// Embeddings before the blocks, logits and loss after them, by the policies positions, head and embedding of the block. Logits
// exist for target rows only, a chunk of rows at a time: forward, loss and backward of a chunk run while it is in cache, and the
// largest array of a step has a fixed size.
#pragma once

#include <raptr/nn/block.hpp>
#include <raptr/nn/layers/embedding.hpp>
#include <raptr/nn/layers/loss_sums.hpp>
#include <raptr/nn/pass.hpp>
#include <raptr/nn/step_results.hpp>

namespace raptr {

template <class Block, class Ops> class token_head {
  using real = typename Ops::real;
  using master = typename Ops::master;
  using norm_policy = typename Block::norm;
  using norm = norm_layer<norm_policy, Ops>;
  using head = typename Block::head;
  using loss_kernel = typename Block::loss::template kernel<real, master>;
  static constexpr bool norm_first = Block::residual::norm_first, transforms = head::transforms, has_bias = Block::bias::has_bias;
  static constexpr bool has_positions = Block::positions::has_table;

 public:
  // Indices of the model's own weights. Post-norm blocks expect normalised rows, so a norm follows the embeddings; pre-norm
  // blocks return raw ones, so a norm follows the blocks. Either way it is the weight at `norm_at`. Some heads lack the weights
  // from `transform` to `output_bias`; the embedding of token types and an output matrix that is not tied come last, if present.
  enum { tokens, positions, norm_at = positions + has_positions, transform = norm_at + norm::weights };
  enum { transform_bias = transform + 1, transform_norm = transform_bias + has_bias, output_bias = transform_norm + norm::weights };
  enum { types_at = transforms ? output_bias + has_bias : int(transform) };

  explicit token_head(const model_shape& shape) : shape_(shape) {}

  static std::vector<weight> weights(const model_shape& s) {
    std::vector<weight> list{{"tokens", false, {{"embed_tokens.weight", s.vocab}}, s.width, initializer::normal, true}};
    const auto matrix = [&](std::string name, const char* tensor, int rows) {
      list.push_back({std::move(name), false, {{tensor, rows}}, s.width, initializer::normal, true});
    };
    const auto bias = [&](std::string name, const char* tensor, int rows) {
      if (has_bias) list.push_back({std::move(name), false, {{tensor, rows}}, 1, initializer::zeros, false});
    };
    const auto norm_named = [&](const char* name) {
      for (weight& w : norm_weights<norm_policy>(s, name)) list.push_back(std::move(w));
    };
    if (has_positions) matrix("positions", "embed_positions.weight", s.context);
    norm_named(norm_first ? "final_norm" : "embed_norm");
    if (transforms) {
      matrix("transform", "transform.weight", s.width);
      bias("transform_bias", "transform.bias", s.width);
      norm_named("transform_norm");
      bias("output_bias", "output.bias", outputs(s));
    }
    if (const int types = token_types_of<Block>(s); types > 0) matrix("token_types", "embed_token_types.weight", types);
    if (!head::tied) matrix("output", "output.weight", outputs(s));
    return list;
  }
  /// Logits of a target.
  static int outputs(const model_shape& s) { return outputs_of<head>(s); }
  /// FLOPs of the forward pass for one target: transform and logits; multiply and add counted separately.
  static double flops_per_target(const model_shape& s) { return 2.0 * s.width * outputs(s) + (transforms ? 2.0 * s.width * s.width : 0.0); }

  /// x (rows, C) = embeddings.
  void forward(const pass<Ops>& p, real* x) {
    const step_table& t = p.batch.table;
    const auto w = p.weights;
    const int width = w[tokens].width;
    const int* const ids = p.batch.words + t.ids_at;
    if constexpr (has_positions)
      p.ops.for_each_row(embed<real>{x, w[tokens].data, w[positions].data, ids, p.batch.words + t.positions_at, width}, t.rows);
    else
      p.ops.for_each_row(copy_rows<real>{x, w[tokens].data, nullptr, ids, width}, t.rows);
    if (has_types()) p.ops.for_each_row(add_to_rows<real>{x, w[types_at].data, width}, t.rows);
    if constexpr (!norm_first) {
      embed_norm_ = norm::keep(p.memory, t.rows, width);
      norm::forward(p.ops, shape_, w + norm_at, embed_norm_, x, x, t.rows);
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
    if constexpr (has_positions) p.ops.for_each_row(gather_into(g[positions].data, dx, p.batch, t.by_position, width), t.by_position.count);
    if (has_types()) p.ops.for_each_row(add_to_rows_backward<real, master>{dx, g[types_at].data, width}, t.rows);
  }

  /// Adds the loss of all targets. With dx: dx (rows, C), which may be x, = its gradient; p.gradients += those of the head.
  void loss(const pass<Ops>& p, const real* x, const loss_sums& loss, real* dx) {
    const auto w = p.weights;
    const auto g = p.gradients;
    const step_table& t = p.batch.table;
    const arena::scope scratch(p.memory);
    const int width = w[tokens].width, classes = outputs(shape_);
    const std::int64_t all = t.targets, chunk = std::max<std::int64_t>(1, std::min(all, largest_chunk / classes));
    rows_of_chunk at(p.memory, chunk, width, classes);
    double* const row_loss = p.memory.template scratch<double>(all);
    real* const rows = p.memory.template scratch<real>(all * width);  // of targets, then their gradients: dx may be x
    const int* const target_rows = p.batch.words + t.target_rows_at;
    const master scale = master(1 / t.normaliser);
    p.ops.for_each_row(copy_rows<real>{rows, x, nullptr, target_rows, width}, all);
    for (std::int64_t first = 0; first < all; first += chunk) {
      const std::int64_t n = std::min(chunk, all - first);
      real* const h = rows + first * width;
      const int* const ids = p.batch.words + t.target_ids_at + first;
      const loss_kernel epilogue{at.logits, ids, p.batch.weights + first, row_loss + first, scale, classes, dx != nullptr};
      logits(p.ops, w, at, h, n, epilogue);
      if (!dx) continue;
      p.ops.matmul_tn(g[output()], at.logits, output_rows(at), n, 1, data_if(transforms && has_bias, g, output_bias), nullptr, 0);
      p.ops.matmul_nn(h, at.logits, w[output()], n, 1, 0, nullptr, 0);
      rows_backward(p.ops, w, g, at, h, n);
    }
    p.ops.for_each_row(sum_rows{row_loss, loss.total}, all);
    if (const int groups = t.target_groups; groups > 0)
      p.ops.for_each_row(sum_rows_by_group{row_loss, p.batch.words + t.target_groups_at, loss.groups, groups}, all);
    if (!dx) return;
    p.ops.for_each_row(zero_rows<real>{dx, width}, t.rows);
    p.ops.for_each_row(copy_rows<real>{dx, rows, target_rows, nullptr, width}, all);
  }
  /// out (targets, outputs) = the logits of all target rows.
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
    rows_of_chunk(arena& memory, std::int64_t rows, int width, int classes)
        : logits(memory.scratch<real>(rows * classes)),
          final_rows(memory.scratch<real>(rows * width)),
          final_norm(norm::scratch(memory, rows, width)) {
      if constexpr (transforms) {
        pre = memory.scratch<real>(rows * width), transformed = memory.scratch<real>(rows * width);
        transform_norm = norm::scratch(memory, rows, width);
      }
    }
    real *logits, *final_rows, *pre = nullptr, *transformed = nullptr;
    typename norm::saved final_norm, transform_norm;
  };
  bool has_types() const { return token_types_of<Block>(shape_) > 0; }
  /// The matrix that gives the logits.
  std::size_t output() const { return head::tied ? std::size_t(tokens) : std::size_t(types_at) + has_types(); }
  static const real* output_rows(const rows_of_chunk& at) { return transforms ? at.transformed : at.final_rows; }

  /// at.logits (n, V) from h (n, C), keeping what the backward pass needs.
  template <class Epilogue>
  void logits(Ops& ops, params<const real> w, const rows_of_chunk& at, const real* h, std::int64_t n, const Epilogue& epilogue) const {
    const int width = w[tokens].width;
    if constexpr (norm_first)
      norm::forward(ops, shape_, w + norm_at, at.final_norm, h, at.final_rows, n);
    else
      ops.for_each_row(copy_rows<real>{at.final_rows, h, nullptr, nullptr, width}, n);
    if constexpr (transforms) {
      const activate<typename head::transform::function, real> function{at.pre, at.transformed, 1, width};
      ops.matmul_nt(at.pre, at.final_rows, w[transform], data_if(has_bias, w, transform_bias), n, 1, function);
      norm::forward(ops, shape_, w + transform_norm, at.transform_norm, at.transformed, at.transformed, n);
    }
    ops.matmul_nt(at.logits, output_rows(at), w[output()], data_if(transforms && has_bias, w, output_bias), n, 1, epilogue);
  }
  /// d (n, C): the gradient of output_rows becomes that of the rows after the last block.
  static void rows_backward(Ops& ops, params<const real> w, params<master> g, const rows_of_chunk& at, real* d, std::int64_t n) {
    if constexpr (transforms) {
      norm::backward(ops, w + transform_norm, g + transform_norm, at.transform_norm, d, nullptr, n);
      ops.for_each_row(activate_backward<typename head::transform::function, real>{at.pre, d, at.pre, 1, w[tokens].width}, n);
      ops.matmul_tn(g[transform], at.pre, at.final_rows, n, 1, data_if(has_bias, g, transform_bias), nullptr, 0);
      ops.matmul_nn(d, at.pre, w[transform], n, 1, 0, nullptr, 0);
    }
    if constexpr (norm_first) norm::backward(ops, w + norm_at, g + norm_at, at.final_norm, d, nullptr, n);
  }

  model_shape shape_;
  typename norm::saved embed_norm_;
};

}  // namespace raptr
