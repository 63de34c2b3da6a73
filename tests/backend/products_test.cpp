// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <raptr/backend/cpu.hpp>
#include <vector>

#include "../support/on_device.hpp"
#include "../support/reference.hpp"
#include "programs.hpp"

namespace {
using namespace raptr;
using namespace raptr::testing;

static_assert(backend<cpu_ops<float, float>> && backend<cpu_ops<double, double>> && backend<cpu_ops<float, double>>);
static_assert(backend<reference_ops<float, float>> && backend<reference_ops<double, double>> && backend<reference_ops<float, double>>);
static_assert(available_device<cpu> && available_device<reference>);

struct shape {
  int n, rows, columns;
};
// Every row count with a few shapes, every pair of sizes with a few row counts; the large ones once.
std::vector<shape> shapes() {
  std::vector<shape> list;
  for (int n : {0, 1, 3, 64, 65, 257, 1100}) list.push_back({n, 33, 16}), list.push_back({n, 5, 33});
  for (int r : {1, 5, 16, 33, 1030})
    for (int c : {1, 5, 16, 33, 1030}) list.push_back({r * c > 40000 ? 3 : 65, r, c});
  list.push_back({7, 40, 2100});
  return list;
}

enum class after { nothing, rectify, normalise, soft };

template <class Ops, class Real> struct product_results {
  std::vector<Real> nt, nt_bias, nn, nn_add;
  std::vector<typename Ops::master> tn, a_sum, x_sum;
  std::vector<Real> program_sums;
};

template <class Ops> product_results<Ops, typename Ops::real> run(Ops& ops, shape s, after then) {
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

  ops.matmul_nt(nt.get(), x.read(), weight, static_cast<const real*>(nullptr), s.n, real(1), nothing{});
  const auto with = [&](auto program) { ops.matmul_nt(nt_bias.get(), x.read(), weight, bias_r.read(), s.n, real(0.75), program); };
  if (then == after::nothing) with(nothing{});
  if (then == after::rectify) with(rectify<real>{nt_bias.get(), s.rows});
  if (then == after::normalise) with(normalise<real>{nt_bias.get(), sums.get(), sums.get() + s.rows, s.rows});
  if (then == after::soft) with(soft<real>{1, nt_bias.get(), sums.get(), s.rows});
  ops.matmul_nn(nn.get(), a.read(), weight, s.n, real(1), real(0), static_cast<const real*>(nullptr), real(0));
  ops.matmul_nn(nn_add.get(), a.read(), weight, s.n, real(0.5), real(-0.25), bias_c.read(), real(1.5));
  ops.matmul_tn({tn.get(), s.rows, s.columns}, a.read(), x.read(), s.n, real(0.5), a_sum.get(), x_sum.get(), real(-2));
  master* const none = nullptr;
  ops.matmul_tn({tn.get(), s.rows, s.columns}, a.read(), x.read(), s.n, real(0.25), none, none, real(0));
  return {nt.values(), nt_bias.values(), nn.values(), nn_add.values(), tn.values(), a_sum.values(), x_sum.values(), sums.values()};
}

template <class Real, class Master> void compare(double bound) {
  cpu_ops<Real, Master> fast({.threads = 2});
  reference_ops<Real, Master> plain;
  for (const shape& s : shapes())
    for (after then : {after::nothing, after::rectify, after::normalise, after::soft}) {
      if (then != after::nothing && s.columns > 33) continue;
      CAPTURE(s.n);
      CAPTURE(s.rows);
      CAPTURE(s.columns);
      CAPTURE(int(then));
      const auto got = run(fast, s, then);
      const auto want = run(plain, s, then);
      CHECK(distance(got.nt, want.nt) < bound);
      CHECK(distance(got.nt_bias, want.nt_bias) < bound);
      CHECK(distance(got.nn, want.nn) < bound);
      CHECK(distance(got.nn_add, want.nn_add) < bound);
      CHECK(distance(got.tn, want.tn) < bound);
      CHECK(distance(got.a_sum, want.a_sum) < bound);
      CHECK(distance(got.x_sum, want.x_sum) < bound);
      CHECK(distance(got.program_sums, want.program_sums) < 4 * bound);
    }
}

TEST_CASE("the CPU's products and the programs behind them equal the plain loops in float") { compare<float, float>(5e-5); }
TEST_CASE("the CPU's products and the programs behind them equal the plain loops in double") { compare<double, double>(1e-13); }
TEST_CASE("gradients may be kept in double while activations are float") { compare<float, double>(5e-5); }

TEST_CASE("products have the same bits for any number of threads") {
  for (const shape s : {shape{257, 130, 1030}, shape{65, 1030, 16}, shape{1100, 70, 300}}) {
    cpu_ops<float, float> one({.threads = 1});
    const auto want = run(one, s, after::normalise);
    for (int threads : {1, 2, 3, 4}) {
      cpu_ops<float, float> ops({.threads = threads});
      for (int again = 0; again < 2; ++again) {
        const auto got = run(ops, s, after::normalise);
        CAPTURE(threads);
        CHECK(got.nt == want.nt);
        CHECK(got.nt_bias == want.nt_bias);
        CHECK(got.nn == want.nn);
        CHECK(got.nn_add == want.nn_add);
        CHECK(got.tn == want.tn);
        CHECK(got.a_sum == want.a_sum);
        CHECK(got.x_sum == want.x_sum);
        CHECK(got.program_sums == want.program_sums);
      }
    }
  }
}

TEST_CASE("a row of a product does not depend on the rows beside it") {
  cpu_ops<float, float> ops({.threads = 2});
  const int rows = 70, columns = 1500;
  const auto x = numbers<float>(std::size_t(300) * columns, 1), w = numbers<float>(std::size_t(rows) * columns, 2);
  std::vector<float> all(std::size_t(300) * rows), one(rows);
  ops.matmul_nt(all.data(), x.data(), {w.data(), rows, columns}, static_cast<const float*>(nullptr), 300, 1.0f, nothing{});
  for (int r : {0, 7, 64, 299}) {
    ops.matmul_nt(one.data(), x.data() + std::size_t(r) * columns, {w.data(), rows, columns}, static_cast<const float*>(nullptr), 1, 1.0f, nothing{});
    CHECK(std::equal(one.begin(), one.end(), all.begin() + r * rows));
  }
}

}  // namespace
