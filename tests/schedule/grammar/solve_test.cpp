// SPDX-License-Identifier: Apache-2.0
// Schedules of a given cost.
#include <raptr/schedule/grammar/solve.hpp>

#include "schedule_checks.hpp"

using namespace raptr;

namespace {

double cost(const any_schedule& schedule) { return block_flops_ratio(schedule, twelve_blocks, 500); }
/// In a run so long that borders do not matter, for schedules with stages.
double long_cost(const any_schedule& schedule) { return block_flops_ratio(schedule, twelve_blocks, 1'000'000'000); }

}  // namespace

TEST_CASE("solve finds the number of a cost that rises or falls") {
  CHECK(solve(2.0, 0, 2, [](double x) { return x * x; }) == doctest::Approx(std::sqrt(2.0)));
  CHECK(solve(-2.0, 0, 2, [](double x) { return -x * x; }) == doctest::Approx(std::sqrt(2.0)));
  CHECK(solve(4.0, 0, 2, [](double x) { return x * x; }) == doctest::Approx(2));
}

TEST_CASE("solve refuses a cost that no number has, with those that can be had") {
  CHECK_THROWS_WITH_AS(solve(5.0, 0, 2, [](double x) { return x * x; }),
                       "raptr: no number from 0 to 2 gives a cost of 5: the cost ranges from 0 to 4", input_error);
  CHECK_THROWS_WITH_AS(solve(5.0, 0, 2, [](double x) { return 4 - x; }),
                       "raptr: no number from 0 to 2 gives a cost of 5: the cost ranges from 2 to 4", input_error);
}

TEST_CASE("every number of a text can be solved for") {
  for (const char* text :
       {"pld:?", "decreasing:?", "constant:?", "ramp:?-full", "sequences constant:?", "ramp:0.5-?", "(full for 1/10 then pld:?)"}) {
    CAPTURE(text);
    const std::string found = solve_text(text, 0.75, cost);
    CAPTURE(found);
    CHECK(std::abs(cost(any_schedule(found)) - 0.75) < 1e-6);
  }
  for (const char* text :
       {"6-8-10-12@^?", "est:?", "?-full@1:3", "heads(linear) constant:? with neurons constant:0.8", "constant:11 with heads constant:?"}) {
    CAPTURE(text);
    const std::string found = solve_text(text, 0.8, long_cost);
    CAPTURE(found);
    CHECK(std::abs(long_cost(any_schedule(found)) - 0.8) < 1e-6);
  }
  CHECK(solve_text("pld:?", 0.75, cost).starts_with("pld:0.53"));
  CHECK(solve_text("est:?", 0.75, long_cost) == "est:0.724745");
  CHECK(solve_text("constant:?", 0.75, cost) == "constant:0.75");
}

TEST_CASE("any cost may be asked for: seconds of a step of which a part never shrinks") {
  const step_time time{.full = 2.0, .fixed = 0.5};
  CHECK(time.ratio(1) == 1);
  CHECK(time.ratio(0.5) == 0.625);
  const std::string found = solve_text("constant:?", 0.8, [&](const any_schedule& s) { return time.ratio(cost(s)); });
  CHECK(time.ratio(cost(any_schedule(found))) == doctest::Approx(0.8).epsilon(1e-6));
  CHECK_THROWS_WITH_AS((void)(step_time{.full = 1, .fixed = 2}.ratio(1)), "raptr: step_time::fixed is 2: give a number from 0 to 1", input_error);
  CHECK_THROWS_AS((void)(step_time{.full = 0, .fixed = 0}.ratio(1)), input_error);
}

TEST_CASE("a target out of reach is refused with what can be reached") {
  CHECK_THROWS_WITH_AS(solve_text("6-12@^?", 0.7, long_cost),
                       doctest::Contains("no number from 0 to 8 gives a cost of 0.7: the cost ranges from 0.75 to 0.998"), input_error);
  CHECK_THROWS_AS(solve_text("constant:?", 0.01, cost), input_error);  // two blocks are always kept
  CHECK_THROWS_AS(solve_text("decreasing:?", 0.5, cost), input_error);
}

TEST_CASE("a text has one unknown number") {
  CHECK_THROWS_WITH_AS(solve_text("pld:0.5", 0.75, cost),
                       "raptr: schedule \"pld:0.5\" has 0 unknown numbers: replace exactly one number by ?, as in pld:?", input_error);
  CHECK_THROWS_AS(solve_text("?-?", 0.75, cost), input_error);
  CHECK_THROWS_AS(solve_text("pld:?x", 0.75, cost), input_error);
  CHECK_THROWS_AS(solve_text("full for ? then 6-12", 0.75, cost), input_error);
}
