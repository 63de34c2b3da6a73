// SPDX-License-Identifier: Apache-2.0
// Plans as functions of (schedule, network, seed, step, total). Allocations are counted by replacing operator new, here
// only: this is the program's one definition.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <new>
#include <set>
#include <vector>

#include <raptr/schedule/any_schedule.hpp>
#include <raptr/schedule/plan.hpp>
#include <raptr/subnet/rules/named_rule.hpp>

#include "example_block.hpp"

namespace {
long allocations = 0;
}

[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

using namespace raptr;

namespace {

constexpr auto layout = layout_of<example_block>(bert_base);
using paper = equal_stages<layer_drop, 6, 8, 10, 12>;
template <class Keep> using gap_coins = layer_drop<Keep, bernoulli<both_ends>, sqrt_gap>;
using coins = equal_stages<gap_coins, 6, 8, 10, 12>;

step_plan drawn(const auto& schedule, std::uint64_t seed, std::int64_t step, std::int64_t total) {
  step_plan plan(layout);
  plan_into(plan, schedule, {.seed = seed, .step = static_cast<std::uint64_t>(step)}, total);
  return plan;
}
std::vector<int> blocks_of(const step_plan& plan) {
  std::vector<int> numbers;
  for (const block_plan& b : plan.blocks()) numbers.push_back(b.block);
  return numbers;
}

long allocations_of_a_run(step_plan& plan, const auto& schedule) {
  const long before = allocations;
  for (std::uint64_t step = 0; step < 400; ++step) plan_into(plan, schedule, {.seed = 1, .step = step}, 400);
  return allocations - before;
}

/// A schedule of the user's own that moves at every step.
struct grow_evenly {
  stage_rule at(const run_position& now) const {
    stage_rule rules;
    rules.add(rule_of<layer_drop>().keeping(2 + static_cast<int>((now.shape.layers - 1) * now.step / now.total)));
    return rules;
  }
};
/// A selector of the user's own.
struct every_other {
  unit_set operator()(int total, int kept, draw_key) const {
    unit_set chosen;
    for (int unit = 0; unit < total && chosen.size() < kept; unit += 2) chosen.add(unit);
    return chosen;
  }
};

}  // namespace

TEST_CASE("the paper's schedule trains 6, 8, 10, 12 blocks for a quarter of the steps each, the ends always") {
  for (std::int64_t step = 0; step < 2'000; ++step) {
    const step_plan plan = drawn(paper{}, 3, step, 2'000);
    REQUIRE(plan.size() == 6 + 2 * (step / 500));
    REQUIRE(plan.has(0));
    REQUIRE(plan.has(11));
    plan.check();
  }
}

TEST_CASE("12 blocks, exactly 6, ends fixed: 200 steps give 110 to 148 different sets") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::set<std::vector<int>> sets;
    for (std::int64_t step = 0; step < 200; ++step) sets.insert(blocks_of(drawn(constant<layer_drop<keep<6>>>{}, seed, step, 200)));
    CHECK(sets.size() >= 110);
    CHECK(sets.size() <= 148);
  }
}

TEST_CASE("a plan is a pure function: neither the order of steps nor what the plan held before matters") {
  step_plan reused(layout);
  for (std::int64_t step = 1'999; step >= 0; step -= 7) {
    plan_into(reused, coins{}, {.seed = 3, .step = static_cast<std::uint64_t>(step)}, 2'000);
    REQUIRE(reused == drawn(coins{}, 3, step, 2'000));
  }
}

TEST_CASE("other seeds and other steps give other plans") {
  int equal_seed = 0, equal_step = 0;
  for (std::int64_t step = 0; step < 400; ++step) {
    equal_seed += drawn(constant<layer_drop<keep<6>>>{}, 1, step, 401) == drawn(constant<layer_drop<keep<6>>>{}, 2, step, 401);
    equal_step += drawn(constant<layer_drop<keep<6>>>{}, 1, step, 401) == drawn(constant<layer_drop<keep<6>>>{}, 1, step + 1, 401);
  }
  CHECK(equal_seed < 10);  // 2 of 400 are expected: there are 210 sets
  CHECK(equal_step < 10);
}

TEST_CASE("the draw of a step does not depend on the length of the run") {
  for (std::int64_t step = 0; step < 100; ++step)
    CHECK(drawn(constant<layer_drop<keep<6>>>{}, 1, step, 100) == drawn(constant<layer_drop<keep<6>>>{}, 1, step, 100'000));
}

TEST_CASE("plans stay what they are from version to version") { CHECK(blocks_of(drawn(paper{}, 1, 0, 400)) == std::vector<int>{0, 1, 2, 5, 7, 11}); }

TEST_CASE("making plans allocates nothing: types, text, rules by name, own schedules, copies") {
  step_plan plan(layout);
  CHECK(allocations > 0);
  const any_schedule text("full for 1/10 then 6-8-10-12"), own(grow_evenly{});
  const any_schedule named("6-8-10-12", {.rules = {named_rule(rule_of<layer_drop>(), {.selector = "bernoulli", .scale = "sqrt_gap"})}});
  CHECK(allocations_of_a_run(plan, paper{}) == 0);
  CHECK(allocations_of_a_run(plan, coins{}) == 0);
  CHECK(allocations_of_a_run(plan, grow_evenly{}) == 0);
  CHECK(allocations_of_a_run(plan, text) == 0);
  CHECK(allocations_of_a_run(plan, own) == 0);
  CHECK(allocations_of_a_run(plan, named) == 0);
  for (const char* const other : {"6-8-10-12@^1.5 with heads 1/2-full", "ramp:6-12", "pld:0.5", "est", "stack:6-9-12",
                                  "layers(first, completep:0.7) 6-12", "heads(bernoulli, linear, once) constant:0.75"}) {
    CAPTURE(other);
    const any_schedule made(other);
    CHECK(allocations_of_a_run(plan, made) == 0);
  }
  step_plan copy = step_plan(layout);
  copy = drawn(paper{}, 1, 0, 10);
  CHECK(allocations_of_a_run(copy, paper{}) == 0);
  const step_plan empty(layout);
  step_plan second = empty;
  CHECK(allocations_of_a_run(second, paper{}) == 0);
}

TEST_CASE("a schedule of the user's own may move at every step") {
  CHECK(drawn(grow_evenly{}, 1, 55, 100).size() == 8);
  CHECK(drawn(grow_evenly{}, 1, 0, 100).size() == 2);
  CHECK(drawn(grow_evenly{}, 1, 99, 100).size() == 12);
}

TEST_CASE("a selector of the user's own chooses the blocks") {
  CHECK(blocks_of(drawn(constant<layer_drop<keep<6>, every_other>>{}, 1, 5, 100)) == std::vector<int>{0, 2, 4, 6, 8, 10});
  CHECK(drawn(constant<layer_drop<keep<12>, every_other>>{}, 1, 5, 100).size() == 12);  // full is full for every selector
}

TEST_CASE("no coin shows a block: an empty plan is a plan") {
  int empty = 0;
  for (std::int64_t step = 0; step < 2'000; ++step) empty += drawn(constant<layer_drop<keep<1>, bernoulli<>>>{}, 1, step, 2'000).size() == 0;
  CHECK(std::abs(empty / 2'000.0 - std::pow(11.0 / 12, 12)) < 0.05);
}

TEST_CASE("a step outside the run is refused") {
  CHECK_THROWS_WITH_AS(drawn(paper{}, 1, 100, 100), "raptr: step 100 is not in a run of 100 steps: the steps are 0 to 99", input_error);
  CHECK_THROWS_WITH_AS(drawn(paper{}, 1, 0, 0), "raptr: a run has 0 steps: give a number from 1 to 1099511627776", input_error);
  CHECK_THROWS_AS(drawn(paper{}, 1, 0, (std::int64_t{1} << 40) + 1), input_error);
  CHECK_THROWS_AS(drawn(paper{}, 1, -1, 100), input_error);
}
