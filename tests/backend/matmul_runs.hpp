// SPDX-License-Identifier: Apache-2.0
// What the tests of products run, on any device: all three, with and without what is optional, and a program behind one.
#pragma once

#include <cmath>
#include <vector>

#include "../support/on_device.hpp"
#include "kernels.hpp"

namespace raptr::testing {

struct product_size {
  int n, rows, columns;
};
enum class after { nothing, rectify, normalise, soft };

template <class Ops, class Real> struct product_results {
  std::vector<Real> nt, nt_bias, nn, nn_add;
  std::vector<typename Ops::master> tn, a_sum, x_sum;
  std::vector<Real> program_sums;
};

template <class Ops> product_results<Ops, typename Ops::real> run_products(Ops& ops, product_size s, after then) {
  using real = typename Ops::real;
  using master = typename Ops::master;
  const auto size = [](int a, int b) { return std::size_t(a) * std::size_t(b); };
  const on_device<Ops, real> x(ops, numbers<real>(size(s.n, s.columns), 1)), a(ops, numbers<real>(size(s.n, s.rows), 2)),
      w(ops, numbers<real>(size(s.rows, s.columns), 3)), bias_r(ops, numbers<real>(std::size_t(s.rows), 4)),
      bias_c(ops, numbers<real>(std::size_t(s.columns), 5));
  const matrix<const real> weight{w.get(), s.rows, s.columns};
  const on_device<Ops, real> nt(ops, std::vector<real>(size(s.n, s.rows), real(NAN))), nt_bias(ops, std::vector<real>(size(s.n, s.rows), real(NAN))),
      nn(ops, std::vector<real>(size(s.n, s.columns), real(NAN))), nn_add(ops, numbers<real>(size(s.n, s.columns), 6));
  const on_device<Ops, master> tn(ops, numbers<master>(size(s.rows, s.columns), 7)), a_sum(ops, numbers<master>(std::size_t(s.rows), 8)),
      x_sum(ops, numbers<master>(std::size_t(s.columns), 9));
  const on_device<Ops, real> sums(ops, numbers<real>(2 * std::size_t(s.rows), 10));

  ops.matmul_nt(nt.get(), x.read(), weight, static_cast<const real*>(nullptr), s.n, 1, no_epilogue{});
  const auto with = [&](auto program) { ops.matmul_nt(nt_bias.get(), x.read(), weight, bias_r.read(), s.n, 0.75, program); };
  if (then == after::nothing) with(no_epilogue{});
  if (then == after::rectify) with(rectify<real>{nt_bias.get(), s.rows});
  if (then == after::normalise) with(normalise<real>{nt_bias.get(), sums.get(), sums.get() + s.rows, s.rows});
  if (then == after::soft) with(soft<real>{1, nt_bias.get(), sums.get(), s.rows});
  ops.matmul_nn(nn.get(), a.read(), weight, s.n, 1, 0, static_cast<const real*>(nullptr), 0);
  ops.matmul_nn(nn_add.get(), a.read(), weight, s.n, 0.5, -0.25, bias_c.read(), 1.5);
  ops.matmul_tn({tn.get(), s.rows, s.columns}, a.read(), x.read(), s.n, 0.5, a_sum.get(), x_sum.get(), -2);
  master* const none = nullptr;
  ops.matmul_tn({tn.get(), s.rows, s.columns}, a.read(), x.read(), s.n, 0.25, none, none, 0);
  return {nt.values(), nt_bias.values(), nn.values(), nn_add.values(), tn.values(), a_sum.values(), x_sum.values(), sums.values()};
}

}  // namespace raptr::testing
