// SPDX-License-Identifier: Apache-2.0
// How many units: counts, exact fractions, and shares that are so only on average.
#include <doctest/doctest.h>

#include <limits>

#include <raptr/subnet/rules/amount.hpp>

using namespace raptr;

TEST_CASE("a count is taken as it is, if the model has so many") {
  static_assert(amount(6).of(12, "layers") == 6 && amount(12).of(12, "layers") == 12 && amount(1).of(1, "layers") == 1);
  static_assert(amount(6).fits(6) && !amount(7).fits(6) && !amount(0).fits(6) && !amount(-1).fits(6));
  static_assert(amount(6).is_count() && !amount(fraction(1, 2)).is_count() && !amount{}.is_count());
  CHECK_THROWS_WITH_AS((void)amount(13).of(12, "heads"), "raptr: a stage keeps 13 of 12 heads: keep between 1 and 12", input_error);
  CHECK_THROWS_WITH_AS((void)amount(0).of(12, "layers"), "raptr: a stage keeps 0 of 12 layers: keep between 1 and 12", input_error);
  CHECK_THROWS_WITH_AS((void)amount(-2).of(12, "layers"), "raptr: a stage keeps -2 of 12 layers: keep between 1 and 12", input_error);
}

TEST_CASE("a fraction gives a whole number of units, or is refused with the nearest that do") {
  static_assert(amount(fraction(1, 2)).of(12, "layers") == 6 && amount(fraction(3, 4)).of(192, "neurons") == 144 && amount{}.of(7, "x") == 7);
  static_assert(amount(fraction(2, 4)).of(6, "x") == 3);  // in lowest terms
  static_assert(amount(fraction(1, 2)).fits(2) && !amount(fraction(1, 2)).fits(3) && amount{}.fits(3));
  for (int den = 1; den <= 12; ++den)
    for (int num = 1; num <= den; ++num)
      for (int total = 1; total <= 24; ++total) {
        const amount part(fraction(num, den));
        const bool whole = num * total % den == 0;
        REQUIRE(part.fits(total) == whole);
        if (whole)
          REQUIRE(part.of(total, "x") == num * total / den);
        else
          REQUIRE_THROWS_AS((void)part.of(total, "x"), input_error);
      }
  CHECK_THROWS_WITH_AS((void)amount(fraction(1, 3)).of(10, "layers"),
                       "raptr: a stage keeps 1/3 of 10 layers, which is not a whole number: the nearest are 3/10 and 4/10", input_error);
  CHECK_THROWS_WITH_AS((void)amount(fraction(1, 100)).of(10, "heads"),
                       "raptr: a stage keeps 1/100 of 10 heads, which is not a whole number: the nearest are 1/10", input_error);
  CHECK_THROWS_WITH_AS((void)amount(fraction(5, 7)).of(12, "layers"),
                       "raptr: a stage keeps 5/7 of 12 layers, which is not a whole number: the nearest are 8/12 and 9/12", input_error);
}

TEST_CASE("a mean share lies between whole numbers, but for its last bits") {
  CHECK(amount::mean_share(0.55).of(12, "x") == doctest::Approx(6.6));
  CHECK(amount::mean_share(0.1 + 0.2).of(10, "x") == 3);  // 0.30000000000000004
  CHECK(amount::mean_share(0.05).of(12, "x") == doctest::Approx(0.6));
  CHECK(amount::mean_share(0.05).fits(1));
  CHECK(amount::mean_share(1).all());
  CHECK(!amount::mean_share(0.999).all());
  CHECK(amount{}.all());
  CHECK(amount(fraction(3, 3)).all());
  CHECK(!amount(12).all());
  CHECK_THROWS_WITH_AS((void)amount::mean_share(0), "raptr: a stage keeps a share of 0: give a number above 0 and at most 1", input_error);
  CHECK_THROWS_WITH_AS((void)amount::mean_share(1.5), "raptr: a stage keeps a share of 1.5: give a number above 0 and at most 1", input_error);
  CHECK_THROWS_AS((void)amount::mean_share(-0.5), input_error);
  CHECK_THROWS_AS((void)amount::mean_share(std::numeric_limits<double>::quiet_NaN()), input_error);
}

TEST_CASE("units of an unknown number are counted in parts") {
  CHECK(amount(fraction(3, 4)).some_total("sequences") == 4);
  CHECK(amount(fraction(3, 4)).of(amount(fraction(3, 4)).some_total("sequences"), "sequences") == 3);
  CHECK(amount{}.some_total("sequences") == 1);
  CHECK(amount::mean_share(0.4).some_total("sequences") == 1);
  CHECK_THROWS_WITH_AS((void)amount(3).some_total("sequences"),
                       "raptr: a stage keeps 3 sequences, but their number is not known here: give a share such as 3/4, or "
                       "network_layout::sequences",
                       input_error);
}

TEST_CASE("amounts are compared where they can be, whatever the model") {
  CHECK(amount(8).exceeds(6));
  CHECK(!amount(6).exceeds(6));
  CHECK(amount{}.exceeds(100));
  CHECK(!amount{}.exceeds(amount{}));
  CHECK(!amount(100).exceeds(amount{}));
  CHECK(amount(fraction(3, 4)).exceeds(fraction(1, 2)));
  CHECK(!amount(fraction(1, 2)).exceeds(fraction(3, 4)));
  CHECK(!amount(fraction(3, 4)).exceeds(6));
  CHECK(!amount(6).exceeds(fraction(1, 4)));
  CHECK(amount::mean_share(0.6).exceeds(fraction(1, 2)));
  CHECK(!amount::mean_share(0.4).exceeds(fraction(1, 2)));
}

TEST_CASE("an amount is written as it was given") {
  CHECK(amount(6).text() == "6");
  CHECK(amount(fraction(2, 4)).text() == "1/2");
  CHECK(amount{}.text() == "full");
  CHECK(amount::mean_share(0.25).text() == "0.25");
  CHECK(amount::mean_share(1).text() == "full");
}

TEST_CASE("a kept count reads as an int and knows the mean next to which it was drawn") {
  constexpr kept_count six = 6, drawn{6, 6.4};
  static_assert(six == 6 && six.mean == 6 && drawn == 6 && drawn.mean == 6.4);
  CHECK(drawn + 1 == 7);
}

TEST_CASE("between two amounts the mean moves evenly, also from a count to a part") {
  const auto half = [](const amount& from, const amount& to) { return amount::between(from, to, 0.5).of(12, "x"); };
  CHECK(half(6, 9) == 7.5);
  CHECK(half(6, amount{}) == 9);
  CHECK(half(fraction(1, 2), amount{}) == 9);
  CHECK(half(fraction(1, 4), 6) == 4.5);
  CHECK(half(amount::mean_share(0.3), amount::mean_share(0.5)) == doctest::Approx(4.8));
  CHECK(amount::between(6, amount{}, 0).of(12, "x") == 6);
  CHECK(amount::between(6, amount{}, 1).all());
  CHECK(amount::between(6, 12, 0.25).of(12, "x") == 7.5);
  CHECK_THROWS_WITH_AS((void)half(12, 18), "raptr: a stage keeps 15 of 12 x: keep between 1 and 12", input_error);
}
