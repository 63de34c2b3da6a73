// SPDX-License-Identifier: Apache-2.0
// The MLP for any activation, gated or not. The rows of one unit lie together as (inputs, group, C), so that a gate and
// its partner are one range and the activation reads runs. Today all neurons are one unit.
#pragma once

#include <raptr/nn/layers/activation.hpp>
#include <raptr/nn/part.hpp>

namespace raptr {

struct mlp_role {};

template <activation A> struct mlp {
  using role = mlp_role;
  static constexpr std::string_view name = "mlp";
  static constexpr int units(const model_shape&) { return 1; }
  static constexpr int group(const model_shape& s) { return s.neuron_count() / units(s); }
  static constexpr double unit_flops(const model_shape& s) { return 2.0 * (A::inputs + 1) * s.width * group(s); }

  enum { up, up_bias, down, down_bias };
  static std::vector<weight> weights(const model_shape& s) {
    std::vector<piece> matrix, bias;
    for (int k = 0; k < A::inputs; ++k) {
      const std::string projection = k + 1 < A::inputs ? "gate_proj" : "up_proj";
      matrix.push_back({projection + ".weight", group(s)}), bias.push_back({projection + ".bias", group(s)});
    }
    return {{"up", true, matrix, s.width, start::normal, true},
            {"up_bias", true, bias, 1, start::zeros, false},
            {"down", true, {{"down_proj.weight", group(s)}}, s.width, start::normal_by_depth, true},
            {"down_bias", false, {{"down_proj.bias", s.width}}, 1, start::zeros, false}};
  }

  template <class Ops> struct saved { typename Ops::real *pre, *h; };
  template <class Ops, class T> static void forward(part_call<Ops>& on, params<const T> w, saved<Ops>& s, const T* x, T* residual) {
    const int neurons = on.units * group(on.shape);
    s = {on.keep(neurons * A::inputs), on.keep(neurons)};
    on.ops.matmul_nt(s.pre, x, w[up], w[up_bias].data, on.rows, T(1), activate<A, T>{s.pre, s.h, on.units, group(on.shape)});
    on.ops.matmul_nn(residual, s.h, w[down], on.rows, on.factor, T(1), w[down_bias].data, on.factor);
  }
  template <class Ops, class T, class G>
  static void backward(part_call<Ops>& on, params<const T> w, params<G> g, const saved<Ops>& s, const T* x, const T* dresidual, T* dx, T carry) {
    const int neurons = on.units * group(on.shape);
    const arena::scope scratch(on.memory);
    T *const dh = on.scratch(neurons), *const dpre = on.scratch(neurons * A::inputs);
    const activate_backward<A, T> then{s.pre, dh, dpre, on.units, group(on.shape)};
    on.ops.matmul_nt(dh, dresidual, w[down], nullptr, on.rows, on.factor, then);
    on.ops.matmul_tn(g[down], s.h, dresidual, on.rows, on.factor, nullptr, g[down_bias].data, on.factor);
    on.ops.matmul_tn(g[up], dpre, x, on.rows, T(1), g[up_bias].data, nullptr, T(0));
    on.ops.matmul_nn(dx, dpre, w[up], on.rows, T(1), carry, nullptr, T(0));
  }
};
using gelu_mlp = mlp<gelu_tanh>;
using gelu_erf_mlp = mlp<gelu_erf>;
using swiglu_mlp = mlp<swish_gate>;

}  // namespace raptr
