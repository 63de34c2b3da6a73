// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <vector>

#include "../support/devices.hpp"
#include "matmul_runs.hpp"

namespace {
using namespace raptr;
using namespace raptr::testing;

static_assert(backend<host_ops<float, float>> && backend<host_ops<double, double>> && backend<host_ops<float, double>>);
static_assert(backend<reference_ops<float, float>> && backend<reference_ops<double, double>> && backend<reference_ops<float, double>>);
static_assert(available_device<host_device> && available_device<reference>);

// Every row count with a few shapes, every pair of sizes with a few row counts; the large ones once.
std::vector<product_size> shapes() {
  std::vector<product_size> list;
  for (int n : {0, 1, 3, 64, 65, 257, 1100}) list.push_back({n, 33, 16}), list.push_back({n, 5, 33});
  for (int r : {1, 5, 16, 33, 1030})
    for (int c : {1, 5, 16, 33, 1030}) list.push_back({r * c > 40000 ? 3 : 65, r, c});
  list.push_back({7, 40, 2100});
  return list;
}

template <class Real, class Master> void compare(double bound) {
  host_ops<Real, Master> fast({.threads = 2});
  reference_ops<Real, Master> plain;
  for (const product_size& s : shapes())
    for (after then : {after::nothing, after::rectify, after::normalise, after::soft}) {
      if (then != after::nothing && s.columns > 33) continue;
      CAPTURE(s.n);
      CAPTURE(s.rows);
      CAPTURE(s.columns);
      CAPTURE(int(then));
      const auto got = run_products(fast, s, then);
      const auto want = run_products(plain, s, then);
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
  for (const product_size s : {product_size{257, 130, 1030}, product_size{65, 1030, 16}, product_size{1100, 70, 300}}) {
    host_ops<float, float> one({.threads = 1});
    const auto want = run_products(one, s, after::normalise);
    for (int threads : {1, 2, 3, 4}) {
      host_ops<float, float> ops({.threads = threads});
      for (int again = 0; again < 2; ++again) {
        const auto got = run_products(ops, s, after::normalise);
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
  host_ops<float, float> ops({.threads = 2});
  const int rows = 70, columns = 1500;
  const auto x = numbers<float>(std::size_t(300) * columns, 1), w = numbers<float>(std::size_t(rows) * columns, 2);
  std::vector<float> all(std::size_t(300) * rows), one(rows);
  ops.matmul_nt(all.data(), x.data(), {w.data(), rows, columns}, static_cast<const float*>(nullptr), 300, 1, no_epilogue{});
  for (int r : {0, 7, 64, 299}) {
    ops.matmul_nt(one.data(), x.data() + std::size_t(r) * columns, {w.data(), rows, columns}, static_cast<const float*>(nullptr), 1, 1,
                  no_epilogue{});
    CHECK(distance(one, std::vector<float>(all.begin() + r * rows, all.begin() + (r + 1) * rows)) <= (promises_equal_bits_across_rows ? 0 : 5e-5));
  }
}

}  // namespace
