// expect: raptr: this block has no_biases, but a norm with a bias, or an attention or mlp that does not say what it is without
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

struct whole_mlp {
  using role = mlp_role;
  using axis = neurons;
  using bare = mlp<gelu_tanh, no_biases>;
#ifdef RIGHT
  template <class Bias> using with_bias = whole_mlp;
#endif
  static constexpr std::string_view name = "mlp";
  static constexpr int units(const model_shape&) { return 1; }
  static constexpr double unit_flops(const model_shape& s) { return bare::unit_flops(s); }
  static std::vector<weight> weights(const model_shape& s) { return bare::weights(s); }
  template <class Ops> using saved = bare::saved<Ops>;
  template <class Ops, class T> static void forward(part_call<Ops>& call, params<const T> w, saved<Ops>& s, const T* x, T* residual) {
    bare::forward(call, w, s, x, residual);
  }
  template <class Ops, class T, class G> static void backward(part_call<Ops>& call, params<const T> w, params<G> g, const saved<Ops>& s, const T* x,
                                                              const T* dresidual, T* dx, double carry) {
    bare::backward(call, w, g, s, x, dresidual, dx, carry);
  }
};
transformer<block<gpt2_block, whole_mlp, no_biases>, causal_lm, cpu> model({.layers = 2});
