// expect: a_team_has_each_sum_max_add
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

struct largest_norm {
  using role = norm_role;
  static constexpr bool bias = false;
  template <class Team, class T, class S> static void forward(Team& team, const T* x, T* hat, S* scale, int n) {
    const auto size = [](int, const T& v) { return S(v < 0 ? -v : v); };
#ifdef RIGHT
    const S largest = team.max(n, size, x);
#else
    const S largest = team.product(n, size, x);
#endif
    team.each(
        n, [=](int, T& h, const T& v) { h = T(S(v) / largest); }, hat, x);
    team.each(1, [=](int) { *scale = 1 / largest; });
  }
  template <class Team, class T, class S> static void backward(Team& team, const T*, const S* scale, T* d, int n) {
    const S r = *scale;
    team.each(
        n, [=](int, T& v) { v *= T(r); }, d);
  }
};
transformer<block<gpt2_block, largest_norm>, causal_lm, cpu> model({.layers = 2});
