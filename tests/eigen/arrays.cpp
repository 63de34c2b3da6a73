// SPDX-License-Identifier: Apache-2.0
// The functions of raptr::math have the same special values for arrays of Eigen as for numbers, in the vectors of Eigen and in what is left
// behind them: at every place of rows of 1 to 40 elements, and of the arrays of 16 that functors get.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <raptr/backend/eigen.hpp>
#include <raptr/optim/adamw.hpp>
#include <vector>

namespace {
using namespace raptr;

template <class T> constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T> constexpr T quiet_nan = std::numeric_limits<T>::quiet_NaN();

/// Equal within `ulps` roundings; zeros, infinities and NaN only to their like.
template <class T> bool same(T got, T want, T ulps = 8) {
  if (std::isnan(want)) return std::isnan(got);
  if (want == 0 || std::isinf(want)) return got == want && std::signbit(got) == std::signbit(want);
  return std::abs(got - want) <= ulps * std::numeric_limits<T>::epsilon() * std::abs(want);
}

/// check(got, x) for f of arrays that are 0.5 but for one x, which stands at each place once.
template <class T, class F, class Check> void at_each_place(T x, F f, Check check) {
  using eigen_backend::lanes, eigen_backend::lane_array;
  for (int n = 1; n <= 40; ++n)
    for (int place = 0; place < n; ++place) {
      Eigen::ArrayX<T> row = Eigen::ArrayX<T>::Constant(n, T(0.5));
      row[place] = x;
      const Eigen::ArrayX<T> got = f(row), twice = f(row + row);  // of an array and of an expression
      for (int i = 0; i < n; ++i) check(got[i], row[i]), check(twice[i], 2 * row[i]);
    }
  for (int place = 0; place < lanes; ++place) {
    lane_array<T> row = lane_array<T>::Constant(T(0.5));
    row[place] = x;
    const lane_array<T> got = f(row);
    for (int i = 0; i < lanes; ++i) check(got[i], row[i]);
  }
}
/// f of arrays is `plain` of their elements, to `ulps`.
template <class T, class F, class Plain> void agrees(T x, F f, Plain plain, T ulps = 8) {
  CAPTURE(x);
  int wrong = 0;
  at_each_place(x, f, [&](T got, T from) { wrong += !same(got, T(plain(from)), ulps); });
  CHECK(wrong == 0);
}

const auto exp_of = [](const auto& x) { return math::exp(x); };
const auto sqrt_of = [](const auto& x) { return math::sqrt(x); };
const auto tanh_of = [](const auto& x) { return math::tanh(x); };
const auto erf_of = [](const auto& x) { return math::erf(x); };

TEST_CASE_TEMPLATE("The exponential of an array is 0 at -infinity, infinite past the largest number, and NaN of NaN", T, float, double) {
  const auto plain = [](T x) { return std::exp(x); };
  for (T x : {-infinity<T>, infinity<T>, quiet_nan<T>, std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max(), T(0), T(-0.0), T(1), T(-1)})
    agrees<T>(x, exp_of, plain);
  if constexpr (std::is_same_v<T, float>) {
    for (T x : {89.f, 88.8f, -200.f, -104.f}) agrees<T>(x, exp_of, plain);
    for (T x : {43.f, -43.f, 20.f, -20.f}) agrees<T>(x, exp_of, plain, 64);
  } else {
    for (T x : {710., 709.8, -800., -746.}) agrees<T>(x, exp_of, plain);
    for (T x : {350., -350., 20., -20.}) agrees<T>(x, exp_of, plain, 64);
  }
}

TEST_CASE_TEMPLATE("The root of an array is infinite at infinity, NaN below zero, and right for the smallest numbers", T, float, double) {
  const auto plain = [](T x) { return std::sqrt(x); };
  const T least = std::numeric_limits<T>::min(), most = std::numeric_limits<T>::max();
  for (T x : {infinity<T>, quiet_nan<T>, T(0), T(-0.0), T(-1), -infinity<T>, most / 2, least, T(1), T(2), T(1e-30)}) agrees<T>(x, sqrt_of, plain);
  for (T x : {least / 2, least / 64, std::numeric_limits<T>::denorm_min()}) agrees<T>(x, sqrt_of, plain);
}

TEST_CASE_TEMPLATE("tanh and erf of an array are 1 and -1 at the infinities, NaN of NaN, and odd", T, float, double) {
  for (T x : {infinity<T>, -infinity<T>, quiet_nan<T>, T(0), T(40), T(-40), T(0.3), T(-0.3), T(1e-20)}) {
    agrees<T>(x, tanh_of, [](T v) { return std::tanh(v); });
    agrees<T>(x, erf_of, [](T v) { return std::erf(v); });
  }
}

TEST_CASE_TEMPLATE("Small elements of an array become 0, large ones and NaN stay", T, float, double) {
  const auto flushed = [](const auto& x) { return math::flush_below(x, T(1e-3)); };
  for (T x : {T(1e-4), T(-1e-4), T(1e-3), T(-1e-3), T(2), infinity<T>, -infinity<T>, quiet_nan<T>}) {
    CAPTURE(x);
    int wrong = 0;
    at_each_place(x, flushed, [&](T got, T from) { wrong += !(std::abs(from) < T(1e-3) ? got == 0 : same(got, from, T(0))); });
    CHECK(wrong == 0);
  }
}

TEST_CASE_TEMPLATE("AdamW whose second moment becomes infinite leaves that weight as it is, and changes its neighbours as without it", T, float,
                   double) {
  adamw rule{.lr = 1e-2, .weight_decay = 0};
  unit_scalars<T> unit{T(1e-2), T(0), 3, T(1), T(1)};
  rule.prepare(unit);
  using array = eigen_backend::lane_array<T>;
  const auto updated = [&](auto g) {
    decltype(g) w = decltype(g)(g * T(0) + T(1)), m = w * T(0.1), v = w * T(0.04);
    rule.update(unit, w, g, m, v);
    return std::array{w, m, v};
  };
  const T large = std::sqrt(std::numeric_limits<T>::max()) * 8;
  for (int place = 0; place < eigen_backend::lanes; ++place) {
    array g = array::Constant(T(0.3));
    g[place] = large;
    const auto got = updated(g);
    for (int i = 0; i < eigen_backend::lanes; ++i) {
      const auto want = updated(g[i]);
      CHECK((want[0] == 1) == (i == place));
      for (std::size_t k = 0; k < 3; ++k) CHECK(same(got[k][i], want[k], T(4)));
    }
    CHECK(got[2][place] == infinity<T>);
  }
}

TEST_CASE_TEMPLATE("A row of attention that sees one key is that value, whatever is masked", T, float, double) {
  using kernels = eigen_backend::kernels;
  for (int end : {1, 2, 7, 8, 15, 16, 17, 31, 33, 64}) {
    for (const T score : {T(0), T(3e4), T(-3e4)}) {
      std::vector<T> row(std::size_t(end), infinity<T>), gradient(std::size_t(end), quiet_nan<T>);
      row[0] = score;
      const auto sums = kernels::softmax(row.data(), 1, end);
      CHECK(row[0] == 1);
      CHECK(sums.max == score);
      CHECK(sums.sum == 1);
      for (int i = 1; i < end; ++i) CHECK(row[std::size_t(i)] == 0);
      std::fill(row.begin() + 1, row.end(), infinity<T>);
      row[0] = score, gradient[0] = T(0.7);
      kernels::softmax_backward(row.data(), gradient.data(), 1, end, score, T(0.7), T(2));
      CHECK(row[0] == 1);
      CHECK(gradient[0] == 0);
      for (int i = 1; i < end; ++i) CHECK((row[std::size_t(i)] == 0 && gradient[std::size_t(i)] == 0));
    }
  }
}

TEST_CASE_TEMPLATE("Scores of -infinity beside others have no share, at every place and length", T, float, double) {
  for (int seen = 2; seen <= 40; ++seen)
    for (int place = 0; place < seen; ++place) {
      std::vector<T> row(std::size_t(seen), T(1));
      row[std::size_t(place)] = -infinity<T>;
      const auto sums = eigen_backend::kernels::softmax(row.data(), seen, seen);
      CHECK(row[std::size_t(place)] == 0);
      CHECK(sums.sum == T(seen - 1));
    }
}

}  // namespace
