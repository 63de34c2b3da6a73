// SPDX-License-Identifier: Apache-2.0
// The MLP for any activation, gated or not. Its unit is a group of neurons, whose rows lie together as (inputs, group, C):
// a gate and its partner are one range, and the activation reads runs. Groups and not single neurons, because products
// and memory gain nothing from less.
#pragma once

#include <raptr/nn/layers/activation.hpp>
#include <raptr/nn/part.hpp>

namespace raptr {

struct mlp_role {};

template <activation A> struct mlp {
  using role = mlp_role;
  using axis = neurons;
  static constexpr std::string_view name = "mlp";
  static constexpr int units(const model_shape& s) { return s.neuron_groups(); }
  static constexpr double unit_flops(const model_shape& s) { return 2.0 * (A::inputs + 1) * s.width * s.neuron_group; }

  enum { up, up_bias, down, down_bias };
  static std::vector<weight> weights(const model_shape& s) {
    std::vector<piece> matrix, bias;
    for (int k = 0; k < A::inputs; ++k) {
      const std::string projection = k + 1 < A::inputs ? "gate_proj" : "up_proj";
      matrix.push_back({projection + ".weight", s.neuron_group}), bias.push_back({projection + ".bias", s.neuron_group});
    }
    return {{"up", true, matrix, s.width, start::normal, true},
            {"up_bias", true, bias, 1, start::zeros, false},
            {"down", true, {{"down_proj.weight", s.neuron_group}}, s.width, start::normal_by_depth, true},
            {"down_bias", false, {{"down_proj.bias", s.width}}, 1, start::zeros, false}};
  }

  template <class Ops> struct saved { typename Ops::real *pre, *h; };
  template <class Ops, class T> static void forward(part_call<Ops>& on, params<const T> w, saved<Ops>& s, const T* x, T* residual) {
    const int group = on.shape.neuron_group, kept = on.units * group;
    s = {on.keep(kept * A::inputs), on.keep(kept)};
    on.ops.matmul_nt(s.pre, x, w[up], w[up_bias].data, on.rows, 1, activate<A, T>{s.pre, s.h, on.units, group});
    on.ops.matmul_nn(residual, s.h, w[down], on.rows, on.factor, 1, w[down_bias].data, on.bias_factor);
  }
  template <class Ops, class T, class G>
  static void backward(part_call<Ops>& on, params<const T> w, params<G> g, const saved<Ops>& s, const T* x, const T* dresidual, T* dx, double carry) {
    const int group = on.shape.neuron_group, kept = on.units * group;
    const arena::scope scratch(on.memory);
    T *const dh = on.scratch(kept), *const dpre = on.scratch(kept * A::inputs);
    const activate_backward<A, T> then{s.pre, dh, dpre, on.units, group};
    on.ops.matmul_nt(dh, dresidual, w[down], nullptr, on.rows, on.factor, then);
    on.ops.matmul_tn(g[down], s.h, dresidual, on.rows, on.factor, nullptr, g[down_bias].data, on.bias_factor);
    on.ops.matmul_tn(g[up], dpre, x, on.rows, 1, g[up_bias].data, nullptr, 0);
    on.ops.matmul_nn(dx, dpre, w[up], on.rows, 1, carry, nullptr, 0);
  }
};
using gelu_mlp = mlp<gelu_tanh>;
using gelu_erf_mlp = mlp<gelu_erf>;
using swiglu_mlp = mlp<swish_gate>;

}  // namespace raptr
