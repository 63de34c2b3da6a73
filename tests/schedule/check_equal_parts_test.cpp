// SPDX-License-Identifier: Apache-2.0
// Plans of the ranks' own: they differ and are of equal size for every schedule that is accepted, and the refused ones do differ in size.
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include <raptr/schedule/any_schedule.hpp>
#include <raptr/schedule/check_equal_parts.hpp>
#include <raptr/schedule/plan.hpp>

#include "example_block.hpp"

using namespace raptr;

namespace {

const network_layout equal_parts_layout = layout_of<example_block>(bert_base, 24);
constexpr std::int64_t equal_parts_steps = 120;

step_plan drawn_by(int rank, const any_schedule& schedule, std::int64_t step) {
  step_plan plan(equal_parts_layout);
  plan_into(plan, schedule, draw_key{.seed = 5, .step = static_cast<std::uint64_t>(step)}.of_rank(rank), equal_parts_steps);
  return plan;
}
/// Of three ranks, in how many steps they differ in what they train, and in how many in size.
struct differences_of_ranks {
  int plans = 0, sizes = 0;
};
differences_of_ranks differences_of(const any_schedule& schedule) {
  differences_of_ranks found;
  for (std::int64_t step = 0; step < equal_parts_steps; ++step) {
    const step_plan first = drawn_by(0, schedule, step), second = drawn_by(1, schedule, step), third = drawn_by(2, schedule, step);
    found.plans += !(first == second) && !(first == third) && !(second == third);
    found.sizes += !(part_sizes(first) == part_sizes(second)) || !(part_sizes(first) == part_sizes(third));
  }
  return found;
}
std::string refusal_of(const char* text) {
  try {
    check_equal_parts(any_schedule(text, {.allow_shrinking = true}), equal_parts_layout, equal_parts_steps);
    return "";
  } catch (const input_error& e) {
    return e.what();
  }
}

}  // namespace

TEST_CASE("rank 0 draws the plan that all ranks share") {
  const any_schedule schedule("6-8-10-12 with heads 1/2-full");
  for (std::int64_t step = 0; step < equal_parts_steps; ++step) {
    step_plan shared(equal_parts_layout);
    plan_into(shared, schedule, {.seed = 5, .step = static_cast<std::uint64_t>(step)}, equal_parts_steps);
    REQUIRE(drawn_by(0, schedule, step) == shared);
  }
}

TEST_CASE("parts of equal size: what is accepted is equal in every step, and differs in what it trains") {
  for (const char* text : {"6-8-10", "layers(sqrt_gap) constant:9", "ramp:6-11", "heads constant:1/2", "neurons 1/4-1/2",
                           "heads(once) constant:1/2 with neurons constant:1/2", "heads ramp:1/3-5/6",
                           "6-9 with heads constant:1/2 with neurons constant:3/4", "constant:6 with neurons(once) ramp:1/4-3/4"}) {
    CAPTURE(text);
    CHECK(refusal_of(text) == "");
    const differences_of_ranks found = differences_of(any_schedule(text));
    CHECK(found.sizes == 0);
    CHECK(found.plans > 10);
  }
}

TEST_CASE("parts of equal size: rules without a draw are accepted, and all ranks train the same") {
  for (const char* text : {"full", "stack:6-9-12", "heads(first) 1/2-full"}) {
    CAPTURE(text);
    CHECK(refusal_of(text) == "");
    CHECK(differences_of(any_schedule(text)).plans == 0);
  }
}

TEST_CASE("parts of equal size: what may differ in size is refused with its numbers, and does differ") {
  const auto refused = [](const char* text, const std::string& sentence) {
    CAPTURE(text);
    const std::string said = refusal_of(text);
    CAPTURE(said);
    CHECK(said.find(sentence) != std::string::npos);
    CHECK(differences_of(any_schedule(text, {.allow_shrinking = true})).sizes > 10);
  };
  refused("layers(bernoulli) 6-12", "from step 1 on this schedule keeps 6 of 12 layers on average, not in every draw, so the parts of two ranks");
  refused("full for 1/3 then layers(bernoulli) constant:9", "from step 41 on this schedule keeps 9 of 12 layers on average");
  refused("heads(bernoulli) 1/2-full", "keeps 6 of 12 heads on average");
  refused("pld:0.5", "of 12 layers on average");
  refused("est", " of 12 heads in a block on average, and drops blocks");
  refused("sublayers constant:16", "keeps 16 of 24 sublayers and does not say how many of each kind");
  refused("constant:6 with neurons ramp:1/4-3/4", " neurons in a block on average, and drops blocks");
}

TEST_CASE("parts of equal size: sequences are not a part") {
  const std::string said = refusal_of("sequences 1/2-full");
  CHECK(said.find("from step 1 on this schedule drops sequences (it keeps 12 of 24 in a block), and every rank has sequences of its own already") !=
        std::string::npos);
}

TEST_CASE("the size of a part as text") {
  CHECK(part_sizes(drawn_by(1, any_schedule("constant:6 with heads constant:1/2"), 0)).text(equal_parts_layout) ==
        "6 blocks (attention 36 heads in 6, mlp " + std::to_string(6 * equal_parts_layout.parts()[1].units) + " neurons in 6)");
}

TEST_CASE("two ranks keep a block together as often as independent draws do") {
  const any_schedule schedule("constant:7");  // 5 of the 10 blocks between the ends
  int both = 0, one = 0, total = 0;
  for (std::uint64_t step = 0; step < 2'000; ++step) {
    step_plan a(equal_parts_layout), b(equal_parts_layout);
    plan_into(a, schedule, {.seed = 9, .step = step, .rank = 1}, 2'000), plan_into(b, schedule, {.seed = 9, .step = step, .rank = 2}, 2'000);
    for (int block = 1; block < 11; ++block) both += a.has(block) && b.has(block), one += a.has(block), ++total;
  }
  CHECK(double(one) / total == .5);
  CHECK(double(both) / total == doctest::Approx(.25).epsilon(.04));  // 4 deviations of the mean are .01
}
