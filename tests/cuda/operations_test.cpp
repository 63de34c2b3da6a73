// SPDX-License-Identifier: Apache-2.0
// Row kernels, walks and products on the GPU against plain loops, and the same bits again in every order of the device.
#include <doctest/doctest.h>

#include <raptr/backend/cuda.cuh>

#include "../backend/elementwise_runs.hpp"
#include "../backend/matmul_runs.hpp"
#include "../backend/row_kernel_runs.hpp"
#include "../support/reference.hpp"
#include "device_orders.hpp"

namespace {
using namespace raptr;
using namespace raptr::testing;

static_assert(backend<cuda_ops<float, float>> && backend<cuda_ops<double, double>> && backend<cuda_ops<bfloat16, float>>);

/// Two runs in different orders of the device: results(ops) must be equal, bit for bit.
template <class Ops, class F> auto in_two_orders(F run) {
  const auto once = [&](unsigned seed) {
    set_device_order(seed);
    Ops ops;
    return run(ops);
  };
  return std::pair{once(1), once(2)};
}

template <class T> void compare_rows(double bound) {
  reference_ops<T, T> plain;
  for (const int n : {0, 1, 3, 17, 32, 65, 600})
    for (const int width : {1, 5, 33, 64, 1028, 1030}) {
      if (n * width > 40'000) continue;
      const int shift = n % 3;  // 16 bytes from 0 only
      CAPTURE(n);
      CAPTURE(width);
      const auto want = run_rows(plain, n, width, shift);
      const auto [got, again] = in_two_orders<cuda_ops<T, T>>([&](auto& ops) { return run_rows(ops, n, width, shift); });
      CHECK(distance(got.rectified, want.rectified) < bound);
      CHECK(got.largest == want.largest);
      CHECK(distance(got.normal, want.normal) < bound);
      CHECK(distance(got.soft, want.soft) < bound);
      CHECK(distance(got.sums, want.sums) < 30 * bound);
      CHECK(distance(got.loss, want.loss) < 10 * bound);
      CHECK(got.normal == again.normal);
      CHECK(got.sums == again.sums);
      CHECK(got.loss == again.loss);
    }
}
TEST_CASE("row kernels and their column sums equal the plain loops in float") { compare_rows<float>(1e-6); }
TEST_CASE("row kernels and their column sums equal the plain loops in double") { compare_rows<double>(1e-14); }

template <class T> void compare_walks(double bound) {
  reference_ops<T, T> plain;
  const auto want = run_walks(plain);
  const auto [got, again] = in_two_orders<cuda_ops<T, T>>([](auto& ops) { return run_walks(ops); });
  CHECK(distance(got.full, want.full) < bound);
  CHECK(distance(got.moment, want.moment) < bound);
  CHECK(got.zeros == want.zeros);
  CHECK(distance(got.converted, want.converted) < 1e-6);
  CHECK(distance(got.squares, want.squares) < 1e-12);
  CHECK(distance(got.owned_full, want.owned_full) < bound);
  CHECK(distance(got.owned_moment, want.owned_moment) < bound);
  CHECK(distance(got.owned_squares, want.owned_squares) < 1e-12);
  CHECK(got.full == again.full);
  CHECK(got.squares == again.squares);
}
TEST_CASE("walks over ranges and units equal the plain loops in float") { compare_walks<float>(1e-6); }
TEST_CASE("walks over ranges and units equal the plain loops in double") { compare_walks<double>(1e-15); }

TEST_CASE("the sum of a tensor does not depend on the other tensors of the list") {
  cuda_ops<float, float> ops;
  const on_device<cuda_ops<float, float>, float> x(ops, numbers<float>(packed_size, 2));
  const on_device<cuda_ops<float, float>, double> all(ops, std::vector<double>(4)), alone(ops, std::vector<double>(4));
  buffer<param_range, cuda_ops<float, float>> list(ops), part(ops);
  ops.elementwise_sum(square{}, uploaded_ranges(list_of(walk_ranges), list), all.get(), packed_array<const float>{x.read()});
  ops.elementwise_sum(square{}, uploaded_ranges(list_of({walk_ranges[1], walk_ranges[2]}), part), alone.get(), packed_array<const float>{x.read()});
  CHECK(all.values()[1] == alone.values()[1]);
  CHECK(alone.values()[0] == 0);
}

/// A tensor whose kept units are several runs is added up as one.
TEST_CASE("ranges of one tensor are added up together") {
  cuda_ops<double, double> ops;
  const on_device<cuda_ops<double, double>, double> x(ops, std::vector<double>(100'000, 1.0)), sums(ops, std::vector<double>{5, 0, 7});
  buffer<param_range, cuda_ops<double, double>> list(ops);
  const auto ranges = list_of({{0, 0, 20'000, 10, 0, 0, false}, {30'000, 20'000, 40'000, 10, 0, 0, false}, {80'000, 60'000, 3, 1, 0, 2, false}});
  ops.elementwise_sum(square{}, uploaded_ranges(ranges, list), sums.get(), x.read());
  CHECK(sums.values() == std::vector<double>{60'005, 0, 10});
}

std::vector<product_size> sizes() {
  std::vector<product_size> list{{0, 33, 16}, {1, 1, 1}, {3, 5, 33}, {64, 33, 16}, {65, 70, 130}, {257, 33, 16}, {7, 40, 300}, {5, 1030, 16}};
  return list;
}
template <class Real, class Master> void compare_products(double bound, std::initializer_list<after> programs) {
  reference_ops<Real, Master> plain;
  for (const product_size& s : sizes())
    for (const after then : programs) {
      CAPTURE(s.n);
      CAPTURE(s.rows);
      CAPTURE(s.columns);
      CAPTURE(int(then));
      const auto want = run_products(plain, s, then);
      const auto [got, again] = in_two_orders<cuda_ops<Real, Master>>([&](auto& ops) { return run_products(ops, s, then); });
      CHECK(distance(got.nt, want.nt) < bound);
      CHECK(distance(got.nt_bias, want.nt_bias) < bound);
      CHECK(distance(got.nn, want.nn) < bound);
      CHECK(distance(got.nn_add, want.nn_add) < 2 * bound);  // a bias with a factor is rounded before it is added
      CHECK(distance(got.tn, want.tn) < bound);
      CHECK(distance(got.a_sum, want.a_sum) < bound);
      CHECK(distance(got.x_sum, want.x_sum) < bound);
      CHECK(distance(got.program_sums, want.program_sums) < 4 * bound);
      CHECK(distance(got.nt_bias, again.nt_bias) == 0);
      CHECK(got.tn == again.tn);
      CHECK(got.a_sum == again.a_sum);
    }
}
TEST_CASE("products and the programs behind them equal the plain loops in float") {
  compare_products<float, float>(5e-5, {after::nothing, after::rectify, after::normalise, after::soft});
}
TEST_CASE("products and the programs behind them equal the plain loops in double") {
  compare_products<double, double>(1e-13, {after::nothing, after::soft});
}
// Both round each result once; where the sums before differ in the last bit they may round apart: a step is 2^-8.
TEST_CASE("products of bf16 are rounded once, and their gradients are float") { compare_products<bfloat16, float>(1.0 / 256, {after::nothing}); }

TEST_CASE("Products take rows that begin anywhere") {
  cuda_ops<float, float> ops;
  using ops_type = cuda_ops<float, float>;
  constexpr int n = 7, rows = 5, columns = 33;
  const auto values = numbers<float>(std::size_t((n + 1) * columns), 1), weights = numbers<float>(std::size_t((rows + 1) * columns), 2);
  const on_device<ops_type, float> x(ops, values), w(ops, weights), y(ops, std::vector<float>(std::size_t((n + 1) * rows)));
  for (const int shift : {0, 1, columns}) {
    ops.matmul_nt(y.get() + rows, x.read() + shift, {w.read() + shift, rows, columns}, nullptr, n, 1, no_epilogue{});
    const auto got = y.values();
    double most = 0;
    for (int r = 0; r < n; ++r)
      for (int k = 0; k < rows; ++k) {
        double want = 0;
        for (int i = 0; i < columns; ++i)
          want += double(values[std::size_t(shift + r * columns + i)]) * double(weights[std::size_t(shift + k * columns + i)]);
        most = std::max(most, std::abs(double(got[std::size_t((r + 1) * rows + k)]) - want));
      }
    CHECK(most < 5e-5);
  }
}

}  // namespace
