// expect: raptr: this block has rotary positions, but an attention that does not turn queries and keys
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

struct whole_attention {
  using role = attention_role;
  using axis = heads;
  using plain = causal_attention;
#ifdef RIGHT
  template <class Positions> using with_positions = whole_attention;
#endif
  static constexpr std::string_view name = "attention";
  static constexpr bool causal = true;
  static constexpr int units(const model_shape&) { return 1; }
  static constexpr double unit_flops(const model_shape& s) { return plain::unit_flops(s); }
  static std::vector<weight> weights(const model_shape& s) { return plain::weights(s); }
  template <class Ops> using saved = plain::saved<Ops>;
  template <class Ops, class T> static void forward(part_call<Ops>& call, params<const T> w, saved<Ops>& s, const T* x, T* residual) {
    plain::forward(call, w, s, x, residual);
  }
  template <class Ops, class T, class G> static void backward(part_call<Ops>& call, params<const T> w, params<G> g, const saved<Ops>& s, const T* x,
                                                              const T* dresidual, T* dx, double carry) {
    plain::backward(call, w, g, s, x, dresidual, dx, carry);
  }
};
transformer<block<gpt2_block, whole_attention, rotary<raptr::half>>, causal_lm, cpu> model({.layers = 2});
