// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <raptr/base/fraction.hpp>

using raptr::fraction;
using raptr::fraction_sum;

TEST_CASE("a fraction is reduced and exact") {
  constexpr fraction half(50, 100);
  static_assert(half.num() == 1 && half.den() == 2 && half == fraction(1, 2) && half.value() == 0.5);
  CHECK(half.text() == "1/2");
  CHECK(fraction{} == fraction(7, 7));
}

TEST_CASE("what is not in (0, 1] is no fraction, and the message has the numbers") {
  CHECK_THROWS_WITH_AS(fraction(0, 4), "raptr: 0/4 is not a fraction in (0, 1] with a denominator of at most 9999", raptr::input_error);
  CHECK_THROWS_AS(fraction(-1, 4), raptr::input_error);
  CHECK_THROWS_AS(fraction(5, 4), raptr::input_error);
  CHECK_THROWS_AS(fraction(1, 0), raptr::input_error);
  CHECK_THROWS_AS(fraction(1, -2), raptr::input_error);
  CHECK_THROWS_AS(fraction(1, 10'000), raptr::input_error);
  CHECK_NOTHROW(fraction(1, 9'999));
}

TEST_CASE("sums of fractions are exact where doubles are not") {
  fraction_sum tenths;
  for (int i = 0; i < 10; ++i) tenths.add(fraction(1, 10));
  CHECK(tenths.is_one());
  fraction_sum thirds(fraction(1, 3));
  thirds.add(fraction(1, 3));
  CHECK(!thirds.is_one());
  CHECK(thirds.text() == "2/3");
  thirds.add(fraction(1, 3));
  CHECK(thirds.is_one());
}

TEST_CASE("a share of steps is the first step at or after it") {
  CHECK(fraction_sum(fraction(1, 3)).of(10) == 4);
  CHECK(fraction_sum(fraction(1, 3)).of(9) == 3);
  CHECK(fraction_sum(fraction(1, 1)).of(7) == 7);
  CHECK(fraction_sum(fraction(9'998, 9'999)).of(std::int64_t{1} << 40) == 1'099'401'665'618);
}

TEST_CASE("fractions without a small common denominator are refused instead of overflowing") {
  fraction_sum sum(fraction(1, 9'973));
  CHECK_THROWS_AS(sum.add(fraction(1, 9'967)), raptr::input_error);
}
