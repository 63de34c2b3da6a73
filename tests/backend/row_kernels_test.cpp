// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <vector>

#include "../support/devices.hpp"
#include "row_kernel_runs.hpp"

namespace {
using namespace raptr;
using namespace raptr::testing;

template <class T> void compare(double bound) {
  host_ops<T, T> fast({.threads = 2});
  reference_ops<T, T> plain;
  for (int n : {0, 1, 3, 64, 65, 257, 1100, 5000})
    for (int width : {1, 5, 16, 33, 64, 1030}) {
      if (n * width > 2000000) continue;
      CAPTURE(n);
      CAPTURE(width);
      const auto got = run_rows(fast, n, width), want = run_rows(plain, n, width);
      CHECK(distance(got.rectified, want.rectified) < bound);
      CHECK(got.largest == want.largest);
      CHECK(distance(got.normal, want.normal) < bound);
      CHECK(distance(got.soft, want.soft) < bound);
      CHECK(distance(got.sums, want.sums) < 30 * bound);
      CHECK(distance(got.loss, want.loss) < 10 * bound);
    }
}
TEST_CASE("row kernels and their column sums equal the plain loops in float") { compare<float>(1e-6); }
TEST_CASE("row kernels and their column sums equal the plain loops in double") { compare<double>(1e-14); }

TEST_CASE("row kernels have the same bits for any number of threads") {
  for (int n : {1, 65, 1100, 9000}) {
    const int width = n > 2000 ? 20 : 1030;
    host_ops<float, float> one({.threads = 1});
    const auto want = run_rows(one, n, width);
    for (int threads : {1, 2, 3, 4}) {
      host_ops<float, float> ops({.threads = threads});
      for (int again = 0; again < 2; ++again) {
        const auto got = run_rows(ops, n, width);
        CHECK(got.normal == want.normal);
        CHECK(got.soft == want.soft);
        CHECK(got.sums == want.sums);
        CHECK(got.loss == want.loss);
      }
    }
  }
}

TEST_CASE("a row's result does not depend on where the row lies") {
  host_ops<float, float> ops({.threads = 1});
  const int width = 77;
  const auto x = numbers<float>(50 * width, 1);
  auto all = x;
  float loss = 0;
  ops.for_each_row(soft<float>{1, all.data(), &loss, width}, 50);
  std::vector<float> last(x.end() - width, x.end());
  ops.for_each_row(soft<float>{1, last.data(), &loss, width}, 1);
  CHECK(std::equal(last.begin(), last.end(), all.end() - width));
}

template <class T> struct throws_at {
  static constexpr int sums = 0;
  std::int64_t at;
  template <class Team> void row(Team&, std::int64_t r) const {
    if (r == at) throw T("row");
  }
};
TEST_CASE("an exception out of a program reaches the caller, and the threads go on working") {
  for (int threads : {1, 2, 4}) {
    host_ops<float, float> ops({.threads = threads});
    CHECK_THROWS_AS(ops.for_each_row(throws_at<input_error>{700}, 1000), input_error);
    std::vector<float> y{-1, 2};
    ops.for_each_row(rectify<float>{y.data(), 2}, 1);
    CHECK(y == std::vector<float>{0, 2});
  }
}

}  // namespace
