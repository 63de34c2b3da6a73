// SPDX-License-Identifier: Apache-2.0
// The MLP for any activation, gated or not. Its unit is a group of neurons, whose rows are contiguous as (inputs, group, C), so
// that a gate and its partner are one range and the activation reads runs. Smaller units than a group would make products and
// memory no cheaper.
#pragma once

#include <raptr/nn/layers/activation.hpp>
#include <raptr/nn/part.hpp>
#include <raptr/nn/policies/bias.hpp>

namespace raptr {

struct mlp_role {};

template <class A, bias_policy Bias = biases> struct mlp {
  static_assert(activation<A>, "raptr: the activation of this mlp is not a raptr::activation: it needs inputs, forward(a) and backward(a, dh, da)");
  using role = mlp_role;
  using axis = neurons;
  using function = A;
  template <class B> using with_bias = mlp<A, B>;
  static constexpr std::string_view name = "mlp";
  static constexpr int units(const model_shape& s) { return s.neuron_groups(); }
  static constexpr double unit_flops(const model_shape& s) { return 2.0 * (A::inputs + 1) * s.width * s.neuron_group; }

  static constexpr bool has_bias = Bias::has_bias;
  enum { up, up_bias, down = up_bias + has_bias, down_bias };
  static std::vector<weight> weights(const model_shape& s) {
    std::vector<tensor_rows> matrix, bias;
    for (int k = 0; k < A::inputs; ++k) {
      const std::string projection = k + 1 < A::inputs ? "gate_proj" : "up_proj";
      matrix.push_back({projection + ".weight", s.neuron_group}), bias.push_back({projection + ".bias", s.neuron_group});
    }
    std::vector<weight> list{{"up", true, matrix, s.width, initializer::normal, true}};
    if (has_bias) list.push_back({"up_bias", true, bias, 1, initializer::zeros, false});
    list.push_back({"down", true, {{"down_proj.weight", s.neuron_group}}, s.width, initializer::normal_by_depth, true});
    if (has_bias) list.push_back({"down_bias", false, {{"down_proj.bias", s.width}}, 1, initializer::zeros, false});
    return list;
  }

  template <class Ops> struct saved { typename Ops::real *pre, *h; };
  template <class Ops, class T> static void forward(part_call<Ops>& call, params<const T> w, saved<Ops>& s, const T* x, T* residual) {
    const int group = call.shape.neuron_group, kept = call.units * group;
    s = {call.keep(kept * A::inputs), call.keep(kept)};
    call.ops.matmul_nt(s.pre, x, w[up], data_if(has_bias, w, up_bias), call.rows, 1, activate<A, T>{s.pre, s.h, call.units, group});
    call.ops.matmul_nn(residual, s.h, w[down], call.rows, call.factor, 1, data_if(has_bias, w, down_bias), call.bias_factor);
  }
  template <class Ops, class T, class G> static void backward(part_call<Ops>& call, params<const T> w, params<G> g, const saved<Ops>& s, const T* x,
                                                              const T* dresidual, T* dx, double carry) {
    const int group = call.shape.neuron_group, kept = call.units * group;
    const arena::scope scratch(call.memory);
    T *const dh = call.scratch(kept), *const dpre = call.scratch(kept * A::inputs);
    const activate_backward<A, T> epilogue{s.pre, dh, dpre, call.units, group};
    call.ops.matmul_nt(dh, dresidual, w[down], nullptr, call.rows, call.factor, epilogue);
    call.ops.matmul_tn(g[down], s.h, dresidual, call.rows, call.factor, nullptr, data_if(has_bias, g, down_bias), call.bias_factor);
    call.ops.matmul_tn(g[up], dpre, x, call.rows, 1, data_if(has_bias, g, up_bias), nullptr, 0);
    call.ops.matmul_nn(dx, dpre, w[up], call.rows, 1, carry, nullptr, 0);
  }
};
using gelu_mlp = mlp<gelu_tanh>;
using gelu_erf_mlp = mlp<gelu_erf>;
using squared_relu_mlp = mlp<squared_relu>;
using swiglu_mlp = mlp<swish_gate>;
using geglu_mlp = mlp<gate<gelu_tanh>>;
using geglu_erf_mlp = mlp<gate<gelu_erf>>;

}  // namespace raptr
