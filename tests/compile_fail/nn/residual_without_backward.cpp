// expect: raptr: the residual of this block is not a raptr::residual_policy
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

struct forward_only {
  using role = residual_role;
  static constexpr bool norm_first = true;
  template <class N, class P, class Ops> using saved = pre_norm::saved<N, P, Ops>;
  template <class N, class P, class Ops, class T, class S> static void forward(part_call<Ops>& call, params<const T> w, S& s, T* stream) {
    pre_norm::forward<N, P>(call, w, s, stream);
  }
#ifdef RIGHT
  template <class N, class P, class Ops, class T, class G, class S>
  static void backward(part_call<Ops>& call, params<const T> w, params<G> g, const S& s, T* dstream) {
    pre_norm::backward<N, P>(call, w, g, s, dstream);
  }
#endif
};
transformer<block<gpt2_block, forward_only>, causal_lm, cpu> model({.layers = 2});
