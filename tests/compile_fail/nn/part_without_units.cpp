// expect: raptr: an attention or mlp of this block is not a raptr::part
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

struct whole_mlp {
  using role = mlp_role;
  using axis = neurons;
  static constexpr std::string_view name = "mlp";
#ifdef RIGHT
  static constexpr int units(const model_shape&) { return 1; }
#endif
  static constexpr double unit_flops(const model_shape& s) { return gelu_mlp::unit_flops(s); }
  static std::vector<weight> weights(const model_shape& s) { return gelu_mlp::weights(s); }
  template <class Ops> using saved = gelu_mlp::saved<Ops>;
  template <class Ops, class T> static void forward(part_call<Ops>& call, params<const T> w, saved<Ops>& s, const T* x, T* residual) {
    gelu_mlp::forward(call, w, s, x, residual);
  }
  template <class Ops, class T, class G> static void backward(part_call<Ops>& call, params<const T> w, params<G> g, const saved<Ops>& s, const T* x,
                                                              const T* dresidual, T* dx, double carry) {
    gelu_mlp::backward(call, w, g, s, x, dresidual, dx, carry);
  }
};
transformer<block<gpt2_block, whole_mlp>, causal_lm, cpu> model({.layers = 2});
