// expect: raptr: the norm of this block is not a raptr::norm_policy
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

struct half_norm {
  using role = norm_role;
  static constexpr bool bias = false;
  template <class Team, class T, class S> static void forward(Team& team, const T* x, T* hat, S* scale, int n) {
    rms_norm::forward(team, x, hat, scale, n, S(1e-5));
  }
};
struct whole_norm : half_norm {
  template <class Team, class T, class S> static void backward(Team& team, const T* hat, const S* scale, T* d, int n) {
    rms_norm::backward(team, hat, scale, d, n);
  }
};

#ifdef RIGHT
using my_block = block<gpt2_block, whole_norm>;
#else
using my_block = block<gpt2_block, half_norm>;
#endif
transformer<my_block, causal_lm, cpu> model({.layers = 2});
