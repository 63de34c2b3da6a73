// expect: raptr: the norm of this block is not a raptr::norm_policy
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

struct halved {
  using role = norm_role;
  static constexpr bool bias = false;
  template <class Team> static void forward(Team& team, const float* x, float* hat, float* scale, int n) {
    team.each(
        n, [](int, float& h, const float& v) { h = v / 2; }, hat, x);
    team.each(1, [=](int) { *scale = 1; });
  }
  template <class Team> static void backward(Team& team, const float*, const float*, float* d, int n) {
    team.each(
        n, [](int, float& v) { v /= 2; }, d);
  }
};
#ifdef RIGHT
transformer<block<gpt2_block, halved>, causal_lm, cpu> model({.layers = 2});
#else
transformer<block<gpt2_block, halved, fp64>, causal_lm, cpu> model({.layers = 2});
#endif
