// expect: raptr: this block has no_biases, but a norm with a bias
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

struct my_norm {
  using role = norm_role;
#ifdef RIGHT
  static constexpr bool bias = false;
#else
  static constexpr bool bias = true;
#endif
  template <class Team, class T, class S> static void forward(Team& team, const T* x, T* hat, S* scale, int n) {
    rms_norm::forward(team, x, hat, scale, n, S(1e-5));
  }
  template <class Team, class T, class S> static void backward(Team& team, const T* hat, const S* scale, T* d, int n) {
    rms_norm::backward(team, hat, scale, d, n);
  }
};
transformer<block<gpt2_block, my_norm, no_biases>, causal_lm, cpu> model({.layers = 2});
