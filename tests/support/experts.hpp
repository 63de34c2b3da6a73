// SPDX-License-Identifier: Apache-2.0
// What a user adds to a block without touching the library: a part with a unit of its own (experts under a soft gate, all
// rows of an expert together) and a norm. Both are used by the same tests as the parts of the library.
#pragma once

#include <cmath>

#include <raptr/nn/block.hpp>

namespace raptr::testing {

/// pre (rows, units, 1 + size) -> h (rows, units, size) = sigmoid(pre[0]) gelu(pre[1 + j]).
/// Backward: h holds its own gradient, dpre is written.
template <class T, bool Backward> struct gated_experts {
  static constexpr int sums = 0;
  const T* pre;
  T *h, *dpre;
  int units, size;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    for (int e = 0; e < units; ++e) {
      const std::int64_t at = r * units + e;
      const T* const in = pre + at * (1 + size);
      T* const out = h + at * size;
      const T gate = 1 / (1 + math::exp(-in[0]));
      if constexpr (!Backward) {
        team.each(size, [=](int j) { out[j] = gate * gelu_tanh::forward(in + 1 + j); });
      } else {
        T* const d = dpre + at * (1 + size);
        const T open = team.sum(size, [=](int j) { return out[j] * gelu_tanh::forward(in + 1 + j); });
        team.each(1, [=](int) { d[0] = open * gate * (1 - gate); });
        team.each(size, [=](int j) { gelu_tanh::backward(in + 1 + j, gate * out[j], d + 1 + j); });
      }
    }
  }
};

struct experts_axis {
  static constexpr std::string_view name = "experts";
};
struct experts {
  using role = mlp_role;
  using axis = experts_axis;
  static constexpr std::string_view name = "experts";
  static constexpr int size = 5;
  static constexpr int units(const model_shape&) { return 4; }
  static constexpr double unit_flops(const model_shape& s) { return 2.0 * s.width * (1 + 2 * size); }
  enum { up, down };
  static std::vector<weight> weights(const model_shape& s) {
    return {{"up", true, {{"router.weight", 1}, {"up.weight", size}}, s.width, initializer::normal, true},
            {"down", true, {{"down.weight", size}}, s.width, initializer::normal_by_depth, true}};
  }
  template <class Ops> struct saved { typename Ops::real *pre, *h; };
  template <class Ops, class T> static void forward(part_call<Ops>& call, params<const T> w, saved<Ops>& s, const T* x, T* residual) {
    s = {call.keep(call.units * (1 + size)), call.keep(call.units * size)};
    call.ops.matmul_nt(s.pre, x, w[up], nullptr, call.rows, 1, gated_experts<T, false>{s.pre, s.h, nullptr, call.units, size});
    call.ops.matmul_nn(residual, s.h, w[down], call.rows, call.factor, 1, nullptr, 0);
  }
  template <class Ops, class T, class G> static void backward(part_call<Ops>& call, params<const T> w, params<G> g, const saved<Ops>& s, const T* x,
                                                              const T* dresidual, T* dx, double carry) {
    const arena::scope scratch(call.memory);
    T *const dh = call.scratch(call.units * size), *const dpre = call.scratch(call.units * (1 + size));
    call.ops.matmul_nt(dh, dresidual, w[down], nullptr, call.rows, call.factor, gated_experts<T, true>{s.pre, dh, dpre, call.units, size});
    call.ops.matmul_tn(g[down], s.h, dresidual, call.rows, call.factor, nullptr, nullptr, 0);
    call.ops.matmul_tn(g[up], dpre, x, call.rows, 1, nullptr, nullptr, 0);
    call.ops.matmul_nn(dx, dpre, w[up], call.rows, 1, carry, nullptr, 0);
  }
};

/// y = x / (mean(x^4) + eps)^(1/4) * gain.
struct fourth_norm {
  using role = norm_role;
  static constexpr bool bias = false;
  RAPTR_ANY_TEAM template <class Team, class T, class S> RAPTR_BOTH static void forward(Team& team, const T* x, T* hat, S* scale, int n) {
    const S mean = team.sum(n, [=](int i) { return S(x[i]) * S(x[i]) * S(x[i]) * S(x[i]); }) / S(n);
    const S r = 1 / std::sqrt(std::sqrt(mean + S(1e-6)));
    team.each(n, [=](int i) { hat[i] = T(S(x[i]) * r); });
    team.each(1, [=](int) { *scale = r; });
  }
  RAPTR_ANY_TEAM template <class Team, class T, class S> RAPTR_BOTH static void backward(Team& team, const T* hat, const S* scale, T* d, int n) {
    const S dot = team.sum(n, [=](int i) { return S(d[i]) * S(hat[i]); }) / S(n), r = *scale;
    team.each(n, [=](int i) { d[i] = T(r * (S(d[i]) - S(hat[i]) * S(hat[i]) * S(hat[i]) * dot)); });
  }
};

}  // namespace raptr::testing
