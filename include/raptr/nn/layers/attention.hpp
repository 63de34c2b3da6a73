// SPDX-License-Identifier: Apache-2.0
// Multi-head self-attention. Its unit is a key-value group with all rows of its query heads (query, key, value, output), so
// dropping a unit does not affect another; without grouped queries that is one head. The batch defines which rows see which,
// so causal and bidirectional attention are one part; `causal` declares the intended use, for checks and for the cost. A norm of
// queries and keys and rotary positions are the epilogue of the product that makes them, and a row kernel each on the way back.
#pragma once

#include <cmath>

#include <raptr/nn/layers/head_norm.hpp>
#include <raptr/nn/layers/relative.hpp>
#include <raptr/nn/layers/rotary.hpp>
#include <raptr/nn/part.hpp>
#include <raptr/nn/policies/bias.hpp>

namespace raptr {

struct attention_role {};

/// HeadNorm: of queries and keys, a norm without a bias, such as rms_norm.
template <bool Causal, bias_policy Bias = biases, positions_policy Positions = no_positions, class HeadNorm = no_head_norm> struct attention {
  static constexpr bool norms_heads = !std::same_as<HeadNorm, no_head_norm>;
  static_assert(!norms_heads || is_norm_without_bias<HeadNorm>,
                "raptr: the norm of queries and keys is a raptr::norm_policy without a bias, such as raptr::rms_norm");
  using role = attention_role;
  using axis = heads;
  template <class B> using with_bias = attention<Causal, B, Positions, HeadNorm>;
  /// Only rotary and relative positions make it another type.
  template <class P>
  using with_positions = attention<Causal, Bias, std::conditional_t<rotary_policy<P> || relative_policy<P>, P, no_positions>, HeadNorm>;
  static constexpr bool drops_probabilities = true;
  static constexpr std::string_view name = "attention";
  static constexpr bool causal = Causal;
  static constexpr int units(const model_shape& s) { return s.head_groups(); }
  static constexpr double unit_flops(const model_shape& s) {
    const double r = s.queries_per_group(), d = s.head_width();
    const double projections = 4.0 * s.width * (r + 1) * d, scores = 4.0 * s.context * r * d;
    return projections + (Causal ? scores / 2 : scores);
  }

  static constexpr bool has_bias = Bias::has_bias;
  enum { qkv, qkv_bias, out = qkv_bias + has_bias, out_bias, head_gains = out_bias + has_bias };
  static std::vector<weight> weights(const model_shape& s) {
    const int d = s.head_width(), queries = s.queries_per_group() * d;
    std::vector<weight> list{
        {"qkv", true, {{"q_proj.weight", queries}, {"k_proj.weight", d}, {"v_proj.weight", d}}, s.width, initializer::normal, true}};
    if (has_bias)
      list.push_back({"qkv_bias", true, {{"q_proj.bias", queries}, {"k_proj.bias", d}, {"v_proj.bias", d}}, 1, initializer::zeros, false});
    list.push_back({"out", true, {{"o_proj.weight", queries}}, s.width, initializer::normal_by_depth, true});
    if (has_bias) list.push_back({"out_bias", false, {{"o_proj.bias", s.width}}, 1, initializer::zeros, false});
    if (norms_heads) {
      list.push_back({"query_norm", false, {{"q_norm.weight", d}}, 1, initializer::ones, false});
      list.push_back({"key_norm", false, {{"k_norm.weight", d}}, 1, initializer::ones, false});
    }
    return list;
  }

  template <class Ops> struct saved {
    typename Ops::real *qkv, *mixed;
    typename Ops::master* lse;
    typename head_norm_layer<HeadNorm, Ops>::saved norm;
  };
  template <class Ops, class T> static void forward(part_call<Ops>& call, params<const T> w, saved<Ops>& s, const T* x, T* residual) {
    using relative = relative_offsets<Positions, Ops>;
    const head_shape heads = kept(call);
    const int queries = heads.groups * heads.queries;
    s = {call.keep((queries + 2 * heads.groups) * heads.width), call.keep(queries * heads.width), call.template keep<typename Ops::master>(queries),
         head_norm_layer<HeadNorm, Ops>::keep(call, heads)};
    const auto norm = head_norm_layer<HeadNorm, Ops>::forward(call, w + head_gains, s.norm, heads, s.qkv);
    call.ops.matmul_nt(s.qkv, x, w[qkv], data_if(has_bias, w, qkv_bias), call.rows, 1, in_sequence(norm, rotation<false>(call, heads, s.qkv)));
    const arena::scope scratch(call.memory);
    call.ops.attention(s.mixed, s.lse, s.qkv, heads, call.segments, relative::spread(call, queries), dropout(call));
    call.ops.matmul_nn(residual, s.mixed, w[out], call.rows, call.factor, 1, data_if(has_bias, w, out_bias), call.bias_factor);
  }
  template <class Ops, class T, class G> static void backward(part_call<Ops>& call, params<const T> w, params<G> g, const saved<Ops>& s, const T* x,
                                                              const T* dresidual, T* dx, double carry) {
    using relative = relative_offsets<Positions, Ops>;
    const head_shape heads = kept(call);
    const int queries = heads.groups * heads.queries;
    const arena::scope scratch(call.memory);
    T *const dmixed = call.scratch(queries * heads.width), *const dqkv = call.scratch((queries + 2 * heads.groups) * heads.width);
    call.ops.matmul_nt(dmixed, dresidual, w[out], nullptr, call.rows, call.factor, no_epilogue{});
    call.ops.matmul_tn(g[out], s.mixed, dresidual, call.rows, call.factor, nullptr, data_if(has_bias, g, out_bias), call.bias_factor);
    const auto offsets = relative::spread(call, queries);
    auto* const doffsets = relative::gradient(call, queries);
    call.ops.attention_backward(dqkv, dmixed, s.mixed, s.lse, s.qkv, heads, call.segments, offsets, doffsets, dropout(call));
    relative::gather(call, queries, doffsets);
    if constexpr (rotary_policy<Positions>) call.ops.for_each_row(rotation<true>(call, heads, dqkv), call.rows);
    if constexpr (norms_heads)
      call.ops.for_each_row(head_norm_layer<HeadNorm, Ops>::backward(w + head_gains, g + head_gains, s.norm, heads, dqkv), call.rows);
    call.ops.matmul_tn(g[qkv], dqkv, x, call.rows, 1, data_if(has_bias, g, qkv_bias), nullptr, 0);
    call.ops.matmul_nn(dx, dqkv, w[qkv], call.rows, 1, carry, nullptr, 0);
  }

 private:
  template <class Ops> static head_shape kept(const part_call<Ops>& call) {
    const model_shape& s = call.shape;
    const double scale = s.attention_scale, depth = s.scale_by_depth ? 1.0 + call.block : 1.0;
    return {call.units, s.queries_per_group(), s.head_width(), depth > 1 ? (scale > 0 ? scale : 1 / std::sqrt(s.head_width())) / depth : scale};
  }
  template <class Ops> static probability_dropout dropout(const part_call<Ops>& call) { return {call.attention_dropout, call.kept_units}; }
  /// Turns queries and keys, or their gradients back.
  template <bool Back, class Ops, class T> static auto rotation(const part_call<Ops>& call, const head_shape& heads, T* rows) {
    if constexpr (rotary_policy<Positions>)
      return rotate<typename Positions::pairs, Back, T, typename Ops::master>{rows, call.rotary_table, call.positions, heads};
    else
      return no_epilogue{};
  }
};
using causal_attention = attention<true>;
using full_attention = attention<false>;
/// With a norm of queries and keys.
template <bool Causal, class HeadNorm = rms_norm> using head_norm_attention = attention<Causal, biases, no_positions, HeadNorm>;

}  // namespace raptr
