// SPDX-License-Identifier: Apache-2.0
// A norm of every query and key before rotary positions and scores, as in Qwen3 [hf]: it bounds the scores. Each head is normalised by
// itself, so dropping heads does not affect the others; the two gains, of D numbers each, are shared by all heads.
#pragma once

#include <raptr/nn/layers/norm.hpp>

namespace raptr {

struct no_head_norm {};

/// Queries and keys in qkv (rows, groups, queries + 2, D) become their norms times a gain. hat, scale: one for each query and key,
/// (rows, groups, queries + 1, D) and (rows, groups, queries + 1).
template <class N, class T, class S> struct normalise_heads {
  static constexpr int sums = 0;
  T *qkv, *hat;
  S* scale;
  const T *query_gain, *key_gain;
  head_shape heads;
  S epsilon;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    const auto linear = array_function{[](int, auto& v, const auto& u, const auto& a) { v = u * a; }};
    for (int head = 0; head < heads.scored(); ++head) {
      const std::int64_t at = r * heads.scored() + head;
      T *const x = qkv + heads.scored_at(r, head), *const h = hat + at * heads.width;
      normalise<N>(team, static_cast<const T*>(x), h, scale + at, heads.width, epsilon);
      team.each(heads.width, linear, x, static_cast<const T*>(h), heads.is_key(head) ? key_gain : query_gain);
    }
  }
};
/// The gradients of normalised queries and keys in dqkv become those of what was normalised; gains += theirs.
template <class N, class T, class S> struct normalise_heads_backward {
  static constexpr int sums = 2;
  T* dqkv;
  const T* hat;
  const S* scale;
  const T *query_gain, *key_gain;
  S *query_gain_gradient, *key_gain_gradient;
  head_shape heads;
  int width;  // of a head

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    for (int head = 0; head < heads.scored(); ++head) {
      const std::int64_t at = r * heads.scored() + head;
      const int is_key = heads.is_key(head);
      T* const d = dqkv + heads.scored_at(r, head);
      const T* const h = hat + at * width;
      const auto through_gain = array_function{[&team, is_key](int i, auto& v, const auto& u, const auto& a) {
        team.add(is_key, i, v * u);
        v *= a;
      }};
      team.each(width, through_gain, d, h, is_key ? key_gain : query_gain);
      N::backward(team, h, scale + at, d, width);
    }
  }
  RAPTR_BOTH S* sum(int k, int i) const { return (k ? key_gain_gradient : query_gain_gradient) + i; }
};

/// The norm in attention. w, g: the gains of queries and of keys.
template <class N, class Ops> struct head_norm_layer {
  using real = typename Ops::real;
  using master = typename Ops::master;
  struct saved {
    real* hat;
    master* scale;
  };

  static saved keep(part_call<Ops>& call, const head_shape& heads) {
    return {call.keep(heads.scored() * heads.width), call.template keep<master>(heads.scored())};
  }
  static auto forward(const part_call<Ops>& call, params<const real> w, const saved& s, const head_shape& heads, real* qkv) {
    return normalise_heads<N, real, master>{qkv, s.hat, s.scale, w[0].data, w[1].data, heads, master(epsilon_of<N>(call.shape))};
  }
  static auto backward(params<const real> w, params<master> g, const saved& s, const head_shape& heads, real* dqkv) {
    return normalise_heads_backward<N, real, master>{dqkv, s.hat, s.scale, w[0].data, w[1].data, g[0].data, g[1].data, heads, heads.width};
  }
};
template <class Ops> struct head_norm_layer<no_head_norm, Ops> {
  struct saved {};
  static saved keep(part_call<Ops>&, const head_shape&) { return {}; }
  static no_epilogue forward(const part_call<Ops>&, params<const typename Ops::real>, const saved&, const head_shape&, typename Ops::real*) {
    return {};
  }
};

}  // namespace raptr
