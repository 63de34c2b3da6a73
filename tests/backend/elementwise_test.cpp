// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <vector>

#include "../support/devices.hpp"
#include "elementwise_runs.hpp"

namespace {
using namespace raptr;
using namespace raptr::testing;

template <class Master> void compare(double bound) {
  host_ops<float, Master> fast({.threads = 2});
  reference_ops<float, Master> plain;
  const auto got = run_walks(fast);
  const auto want = run_walks(plain);
  CHECK(distance(got.full, want.full) < bound);
  CHECK(distance(got.moment, want.moment) < bound);
  CHECK(got.zeros == want.zeros);
  CHECK(distance(got.converted, want.converted) < 1e-6);
  CHECK(distance(got.squares, want.squares) < 1e-12);
  CHECK(distance(got.owned_full, want.owned_full) < bound);
  CHECK(distance(got.owned_moment, want.owned_moment) < bound);
  CHECK(distance(got.owned_squares, want.owned_squares) < 1e-12);
}
TEST_CASE("walks over ranges and units equal the plain loops in float") { compare<float>(1e-6); }
TEST_CASE("walks over ranges and units equal the plain loops in double") { compare<double>(1e-15); }

TEST_CASE("walks have the same bits for any number of threads") {
  host_ops<float, float> one({.threads = 1});
  const auto want = run_walks(one);
  for (int threads : {1, 2, 3, 4}) {
    host_ops<float, float> ops({.threads = threads});
    const auto got = run_walks(ops);
    CHECK(got.full == want.full);
    CHECK(got.squares == want.squares);
  }
}

TEST_CASE("the sum of a tensor does not depend on the other tensors of the list") {
  host_ops<float, float> ops({.threads = 3});
  const auto x = numbers<float>(packed_size, 2);
  double all[4] = {}, alone[4] = {};
  buffer<param_range, host_ops<float, float>> list(ops);
  ops.elementwise_sum(square{}, uploaded_ranges(list_of(walk_ranges), list), all, packed_array<const float>{x.data()});
  ops.elementwise_sum(square{}, uploaded_ranges(list_of({walk_ranges[1], walk_ranges[2]}), list), alone, packed_array<const float>{x.data()});
  CHECK(all[1] == alone[1]);
  CHECK(alone[0] == 0);
}

}  // namespace
