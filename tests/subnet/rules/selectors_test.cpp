// SPDX-License-Identifier: Apache-2.0
// The laws of a selector, one line per selector: fixed units are always in, every unit is kept as often as is stated, a
// draw is a pure function of its key.
#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <vector>

#include <raptr/subnet/rules/selectors.hpp>

using namespace raptr;

namespace {

constexpr int draws = 10'000;

draw_key at(std::uint64_t step, std::uint64_t seed = 7) { return draw_key{.seed = seed, .step = step}.of("layers", 0); }
std::vector<int> listed(const unit_set& set) { return {set.begin(), set.end()}; }

void obeys_the_laws(const auto& select, int total, int kept) {
  CAPTURE(total);
  CAPTURE(kept);
  std::vector<int> seen(static_cast<std::size_t>(total));
  double sum = 0;
  std::set<std::vector<int>> different;
  for (std::uint64_t step = 0; step < draws; ++step) {
    const unit_set chosen = select(total, kept, at(step));
    if (step < 100) CHECK(chosen == select(total, kept, at(step)));
    for (int unit = 0; unit < total; ++unit)
      if (select.always.holds(unit, total)) REQUIRE(chosen.has(unit));
    REQUIRE(chosen.next(total) == unit_set::capacity);
    for (const int unit : chosen) ++seen[static_cast<std::size_t>(unit)];
    different.insert(listed(chosen));
  }
  for (int unit = 0; unit < total; ++unit) {
    const double p = select.probability(unit, total, kept), rate = double(seen[static_cast<std::size_t>(unit)]) / draws;
    CHECK(std::abs(rate - p) <= 4 * std::sqrt(p * (1 - p) / draws));
    sum += p;
  }
  CHECK(sum == doctest::Approx(kept));
  if (kept < total && kept > select.always.count()) {
    CHECK(different.size() > 1);
    int equal = 0;
    for (std::uint64_t step = 0; step < 200; ++step) equal += select(total, kept, at(step, 7)) == select(total, kept, at(step, 8));
    CHECK(equal < 200);
  }
}
void keeps_exactly(const auto& select, int total, int kept) {
  for (std::uint64_t step = 0; step < 1'000; ++step) REQUIRE(select(total, kept, at(step)).size() == kept);
}

}  // namespace

TEST_CASE("exactly keeps exactly so many") {
  keeps_exactly(exactly<both_ends>{}, 12, 6);
  keeps_exactly(exactly<>{}, 12, 6);
  keeps_exactly(exactly<>{}, 12, 12);
  keeps_exactly(exactly<both_ends>{}, 12, 2);
  keeps_exactly(exactly_selector{{.first = 3, .last = 0}}, 24, 10);
  keeps_exactly(exactly<>{}, 200, 77);
}

TEST_CASE("exactly obeys the laws of a selector") {
  obeys_the_laws(exactly<both_ends>{}, 12, 6);
  obeys_the_laws(exactly<both_ends>{}, 12, 11);
  obeys_the_laws(exactly<both_ends>{}, 12, 2);
  obeys_the_laws(exactly<>{}, 12, 6);
  obeys_the_laws(exactly<>{}, 3, 1);
  obeys_the_laws(exactly<fixed{.first = 0, .last = 2}>{}, 8, 5);
  obeys_the_laws(exactly_selector{{.first = 2, .last = 1}}, 24, 12);
}

TEST_CASE("bernoulli obeys the laws of a selector") {
  obeys_the_laws(bernoulli<both_ends>{}, 12, 6);
  obeys_the_laws(bernoulli<both_ends>{}, 12, 2);
  obeys_the_laws(bernoulli<>{}, 12, 9);
  obeys_the_laws(bernoulli<>{}, 12, 12);
  obeys_the_laws(bernoulli_selector{{.first = 2, .last = 1}}, 24, 12);
}

TEST_CASE("bernoulli flips independent coins: the number of blocks spreads as a binomial does") {
  const bernoulli<both_ends> select;
  double sum = 0, squares = 0;
  for (std::uint64_t step = 0; step < draws; ++step) {
    const double n = select(12, 6, at(step)).size();
    sum += n, squares += n * n;
  }
  const double mean = sum / draws, deviation = std::sqrt(squares / draws - mean * mean);
  CHECK(std::abs(mean - 6) < 4 * std::sqrt(2.4 / draws));
  CHECK(deviation == doctest::Approx(std::sqrt(10 * 0.4 * 0.6)).epsilon(0.03));  // 1.55 blocks
}

TEST_CASE("exactly chooses all sets equally often") {
  std::vector<int> seen(64);
  for (std::uint64_t step = 0; step < draws; ++step) {
    std::size_t index = 0;
    for (const int unit : exactly<>{}(6, 3, at(step))) index |= std::size_t{1} << unit;
    ++seen[index];
  }
  int sets = 0;
  for (const int count : seen) {
    if (count == 0) continue;
    ++sets;
    CHECK(std::abs(count / double(draws) - 0.05) < 4 * std::sqrt(0.05 * 0.95 / draws));
  }
  CHECK(sets == 20);
}

TEST_CASE("at 6 of 12 each free block is kept in 4,000 of 10,000 draws, give or take 171") {
  std::vector<int> seen(12);
  for (std::uint64_t step = 0; step < 10'000; ++step)
    for (const int unit : exactly<both_ends>{}(12, 6, at(step))) ++seen[static_cast<std::size_t>(unit)];
  CHECK(seen.front() == 10'000);
  CHECK(seen.back() == 10'000);
  for (std::size_t unit = 1; unit < 11; ++unit) CHECK(std::abs(seen[unit] - 4'000) <= 171);
}

TEST_CASE("the type and the value form of a selector choose the same units") {
  for (std::uint64_t step = 0; step < 500; ++step) {
    CHECK(exactly<both_ends>{}(12, 6, at(step)) == exactly_selector{{.first = 1, .last = 1}}(12, 6, at(step)));
    CHECK(bernoulli<both_ends>{}(12, 6, at(step)) == bernoulli_selector{{.first = 1, .last = 1}}(12, 6, at(step)));
  }
  static_assert(exactly<both_ends>{}.probability(3, 12, 6) == 0.4 && exactly<both_ends>{}.probability(0, 12, 6) == 1);
}

TEST_CASE("the first units are the first, no more than there are, and tell no probability") {
  static_assert(!tells_probability<first_units> && !has_fixed_units<first_units>);
  for (int kept = 1; kept <= 12; ++kept) CHECK(first_units{}(12, kept, at(0)) == unit_set::first(kept));
  CHECK(first_units{}(12, 15, at(0)) == unit_set::first(12));
}

TEST_CASE("next to a mean that is no whole number exactly keeps the count and coins the mean; both tell the mean") {
  constexpr kept_count some{6, 6.6};
  static_assert(exactly<both_ends>{}.probability(3, 12, some) == (6.6 - 2) / 10);
  double coins = 0;
  for (std::uint64_t step = 0; step < draws; ++step) {
    REQUIRE(exactly<both_ends>{}(12, some, at(step)).size() == 6);
    coins += bernoulli<both_ends>{}(12, some, at(step)).size();
  }
  CHECK(std::abs(coins / draws - 6.6) < 4 * std::sqrt(10 * 0.46 * 0.54 / draws));
}

TEST_CASE("coins by a profile are as probable as it says") {
  const coins_by<linear_in_depth> select;
  std::vector<int> seen(12);
  for (std::uint64_t step = 0; step < draws; ++step)
    for (const int unit : select(12, 9, at(step))) ++seen[static_cast<std::size_t>(unit)];
  for (int unit = 0; unit < 12; ++unit) {
    const double p = select.probability(unit, 12, 9);
    CHECK(p == doctest::Approx(1 - 0.5 * (unit + 1) / 13));
    CHECK(std::abs(seen[static_cast<std::size_t>(unit)] / double(draws) - p) < 4 * std::sqrt(p * (1 - p) / draws));
  }
}

TEST_CASE("fewer units than are fixed, or a negative number of fixed ones, are refused with the numbers") {
  CHECK_THROWS_WITH_AS((exactly_selector{{.first = 2, .last = 3}}(12, 4, at(0))),
                       "raptr: a stage keeps 4 units where 5 are always kept (the first 2 and the last 3): keep at least 5, or fix fewer",
                       input_error);
  CHECK_THROWS_AS((bernoulli_selector{{.first = 2, .last = 3}}(12, 4, at(0))), input_error);
  CHECK_THROWS_WITH_AS((exactly_selector{{.first = -1, .last = 3}}(12, 4, at(0))),
                       "raptr: the first -1 and the last 3 units are fixed: neither number may be negative", input_error);
  CHECK_THROWS_AS((exactly_selector{{.first = 2'147'483'647, .last = 2'147'483'647}}(12, 4, at(0))), input_error);
}
