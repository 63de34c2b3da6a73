// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <set>
#include <vector>

#include <raptr/base/random.hpp>
#include <raptr/subnet/unit_set.hpp>

using raptr::unit_set;

TEST_CASE("a unit set holds what a set of numbers holds, in order") {
  for (std::uint64_t round = 0; round < 200; ++round) {
    const auto draw = raptr::random_key{1}.stream("unit_set", round);
    unit_set ours;
    std::set<int> plain;
    for (std::uint64_t i = 0; i < draw.below(100, 1'000); ++i) {
      const int unit = static_cast<int>(draw.below(round % 2 ? 130 : unit_set::capacity, i));
      ours.add(unit), plain.insert(unit);
    }
    CHECK(std::vector<int>(ours.begin(), ours.end()) == std::vector<int>(plain.begin(), plain.end()));
    CHECK(ours.size() == static_cast<int>(plain.size()));
    CHECK(ours.empty() == plain.empty());
    for (int unit = -1; unit < 140; ++unit) {
      CHECK(ours.has(unit) == plain.contains(unit));
      const auto next = plain.lower_bound(unit);
      if (unit >= 0) CHECK(ours.next(unit) == (next == plain.end() ? unit_set::capacity : *next));
    }
  }
}

TEST_CASE("the first n units end where they should, at word borders too") {
  for (const int n : {0, 1, 12, 63, 64, 65, 128, 4095, 4096}) {
    const unit_set set = unit_set::first(n);
    CHECK(set.size() == n);
    CHECK(!set.has(n));
    CHECK(set.has(n - 1) == (n > 0));
  }
}

TEST_CASE("units out of reach are refused") {
  unit_set set;
  CHECK_THROWS_WITH_AS(set.add(4096), "raptr: unit 4096 is not in 0 to 4095, the range of a unit_set", raptr::input_error);
  CHECK_THROWS_AS(set.add(-1), raptr::input_error);
  CHECK_THROWS_AS(unit_set::first(4097), raptr::input_error);
  CHECK_THROWS_AS(unit_set::first(-1), raptr::input_error);
  CHECK(set.empty());
}

TEST_CASE("a unit set is a constant where its units are") {
  constexpr unit_set set{0, 3, 70};
  static_assert(set.size() == 3 && set.has(70) && set.next(1) == 3);
  CHECK(set == unit_set{70, 3, 0, 3});
}
