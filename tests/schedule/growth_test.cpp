// SPDX-License-Identifier: Apache-2.0
// Networks that grow by copies of their blocks, and stages on three axes.
#include <cmath>
#include <functional>

#include <raptr/schedule/check_growth.hpp>
#include <raptr/schedule/progressive.hpp>

#include "schedule_checks.hpp"

using namespace raptr;

namespace {

using copies = std::vector<block_copy>;
using stacked = gradual_stacking<6, 9, 12>;

copies growth_at(const auto& schedule, std::int64_t step, std::int64_t total) {
  return growth_of(schedule, position_at(schedule, step, total, bert_base));
}
int network_at(const auto& schedule, std::int64_t step, std::int64_t total) {
  return network_of(schedule, position_at(schedule, step, total, bert_base)).size();
}
const copies third_to_fifth{{3, 6}, {4, 7}, {5, 8}}, sixth_to_eighth{{6, 9}, {7, 10}, {8, 11}};

/// Duplicates the middle at a border: blocks abcd become abbcd, so that b and all behind it move up at once.
struct middle {
  stage_rule at(const run_position& now) const {
    stage_rule all;
    all.add(rule_of<layer_drop<keep<1, 1>, first_units>>().keeping(network_at(now).size()));
    return all;
  }
  std::int64_t stage_end(std::int64_t step, std::int64_t total) const { return stages::equal_end(2, step, total); }
  copies growth(const run_position& now) const {
    if (now.stage == 0 || now.step != now.first) return {};
    return {{1, 2}, {2, 3}, {3, 4}};
  }
  unit_set network_at(const run_position& now) const { return unit_set::first(now.stage == 0 ? 4 : 5); }
};

/// A schedule of two halves that grows as the test says.
struct given_growth {
  std::function<unit_set(const run_position&)> network = [](const run_position& now) { return unit_set::first(now.shape.layers); };
  std::function<copies(const run_position&)> copied = [](const run_position&) { return copies{}; };
  std::function<stage_rule(const run_position&)> rules = [](const run_position&) { return stage_rule{}; };

  stage_rule at(const run_position& now) const { return rules(now); }
  std::int64_t stage_end(std::int64_t step, std::int64_t total) const { return stages::equal_end(2, step, total); }
  copies growth(const run_position& now) const { return copied(now); }
  unit_set network_at(const run_position& now) const { return network(now); }
};
stage_rule first_blocks(int count) {
  stage_rule all;
  all.add(rule_of<layer_drop, first_units>().keeping(count));
  return all;
}
/// What check_growth() says about a run of 90 steps on 12 blocks; empty if it accepts it.
std::string said_of(const auto& schedule, bool allow_shrinking = false) {
  try {
    check_growth(schedule, twelve_blocks, 90, 1, allow_shrinking);
  } catch (const input_error& e) {
    return e.what();
  }
  return "";
}
std::string said_of(const char* text, bool allow_shrinking = false) { return said_of(any_schedule(text), allow_shrinking); }
bool has(const std::string& sentence, const std::string& part) { return sentence.find(part) != sentence.npos; }

}  // namespace

TEST_CASE("a schedule may not lose what a block has learnt, unless shrinking is allowed") {
  CHECK(said_of("full for 1/3 then stack:6-9-12") ==
        "raptr: at step 30 the network goes from 12 to 6 blocks, and neither block 6, which was trained, nor a copy of it remains: this is "
        "shrinking; begin with the smaller network, or allow shrinking (.allow_shrinking = true, --allow-shrinking)");
  for (const char* const shrinks : {"full for 1/3 then stack:6-9-12", "6-12 for 1/2 then stack:6-12", "stack:6-12 for 1/2 then stack:6-12",
                                    "stack:6-9 for 1/2 then stack:6-12", "(full for 1/3 then stack:6-12) with heads 1/2-full",
                                    "heads 1/2-full with (full for 30 then stack:6-12)", "full for 1/3 then (stack:6-12 with heads 1/2-full)",
                                    "stack:6-12 for 1/3 then (full for 1/2 then stack:9-12)", "constant:9 for 1/2 then stack(completep):6-12"}) {
    CAPTURE(shrinks);
    CHECK(has(said_of(shrinks), "this is shrinking"));
    CHECK(said_of(shrinks, true) == "");
    CHECK_FALSE(never_shrinks(any_schedule(shrinks), twelve_blocks, 90));
  }
  using late = then<lasting<share<1, 3>, full_network>, stacked>;
  CHECK(has(said_of(late{}), "this is shrinking"));
  CHECK(has(said_of(with<constant<head_drop<keep<1, 2>>>, late>{}), "this is shrinking"));
  static_assert(!progressive<late, example_block, bert_base>);
  static_assert(!progressive<then<lasting<share<1, 2>, stacked>, stacked>, example_block, bert_base>);
  static_assert(progressive<then<lasting<share<1, 2>, stacked>, full_network>, example_block, bert_base>);
}

TEST_CASE("copies over a trained block are refused unless its own copy remains") {
  CHECK(said_of(any_schedule(middle{})) == "");
  const auto at_border = [](copies list) {
    return [list](const run_position& now) { return now.stage == 1 && now.step == now.first ? list : copies{}; };
  };
  CHECK(has(said_of(given_growth{.copied = at_border({{3, 5}})}), "at step 45 the network goes from 12 to 12 blocks, and neither block 5"));
  CHECK(has(said_of(given_growth{.copied = at_border({{1, 2}, {2, 3}})}), "neither block 3"));
  CHECK(said_of(given_growth{.copied = at_border({{3, 5}})}, true) == "");
  CHECK(said_of(given_growth{.copied = at_border({{3, 5}, {5, 3}})}) == "");  // exchanged
  CHECK(said_of(given_growth{.copied = at_border({{4, 4}})}) == "");
  CHECK(has(said_of(given_growth{.copied = at_border({{3, 12}})}), "copies block 3 over block 12 at step 45: blocks are 0 to 11"));
  CHECK(has(said_of(given_growth{.copied = at_border({{3, 5}, {4, 5}})}, true), "two blocks over block 5"));
  CHECK(has(said_of(given_growth{.copied = [](const run_position& now) { return now.step == 0 ? copies{{0, 1}} : copies{}; }}), "at step 0"));
}

TEST_CASE("blocks join as copies, at the first step of a stage, and only those that exist are trained") {
  const auto grows = [](int before, int after) { return [=](const run_position& now) { return unit_set::first(now.stage == 0 ? before : after); }; };
  const auto keeps = [](int before, int after) { return [=](const run_position& now) { return first_blocks(now.stage == 0 ? before : after); }; };
  const auto copy = [](copies list) { return [list](const run_position& now) { return now.stage == 1 && now.step == now.first ? list : copies{}; }; };
  CHECK(said_of(given_growth{grows(3, 4), copy({{2, 3}}), keeps(3, 4)}) == "");
  CHECK(said_of(given_growth{grows(3, 4), copy({{3, 3}}), keeps(3, 4)}) == "");  // with its initial weights
  CHECK(has(said_of(given_growth{grows(3, 4), copy({}), keeps(3, 4)}), "block 3 joins the network at step 45, but nothing is copied to it"));
  CHECK(has(said_of(given_growth{grows(3, 5), copy({{2, 3}}), keeps(3, 5)}), "block 4 joins the network at step 45"));
  CHECK(has(said_of(given_growth{grows(3, 5), copy({{2, 3}, {3, 4}}), keeps(3, 5)}), "block 3 is not in the network before that step"));
  CHECK(has(said_of(given_growth{grows(3, 4), copy({{2, 3}}), [](const run_position&) { return stage_rule{}; }}),
            "the plan of step 0 has block 3, which is not among the 3 blocks"));
  CHECK(has(said_of(given_growth{grows(0, 4), copy({{2, 3}}), keeps(3, 4)}), "returns 0 blocks at step 0"));
  for (const char* const gap : {"stack:3-6 for 1/2 then stack:9-12", "stack:6-9 for 1/2 then full", "stack:6-9 for 1/3 then 10-12"}) {
    CAPTURE(gap);
    CHECK(has(said_of(gap), "joins the network"));
    CHECK(has(said_of(gap, true), "joins the network"));
  }
  // Inside a stage nothing would be copied.
  const given_growth late{.network = [](const run_position& now) { return unit_set::first(now.step < 60 ? 3 : 4); },
                          .copied =
                              [](const run_position& now) {
                                return now.step == 60 ? copies{{2, 3}} : copies{};
                              },
                          .rules = [](const run_position& now) { return first_blocks(now.step < 60 ? 3 : 4); }};
  CHECK(has(said_of(late), "changes at step 89, inside the stage that begins at step 45"));
  CHECK(has(said_of(any_schedule(late), true), "inside the stage"));
  for (const char* const right : {"stack:6-9-12", "stack:6-12 for 1/2 then full", "stack:3-6 for 1/2 then stack:6-12",
                                  "stack:6-9-12 with heads 1/2-full@1:2", "full", "6-8-10-12", "decreasing:0.9", "stack:2-3"}) {
    CAPTURE(right);
    CHECK(said_of(right) == "");
  }
}

TEST_CASE("only one side of with grows the network") {
  const given_growth one{.network = [](const run_position& now) { return unit_set::first(now.stage == 0 ? 6 : 12); }};
  CHECK(has(said_of(with<given_growth, given_growth>(one, one)), "both sides of `with` grow the network"));
}

TEST_CASE("gradual stacking appends copies of the last blocks at the first step of a stage") {
  CHECK(growth_at(stacked{}, 0, 90).empty());
  CHECK(growth_at(stacked{}, 29, 90).empty());
  CHECK(growth_at(stacked{}, 30, 90) == third_to_fifth);
  CHECK(growth_at(stacked{}, 31, 90).empty());
  CHECK(growth_at(stacked{}, 60, 90) == sixth_to_eighth);
  CHECK(network_at(stacked{}, 29, 90) == 6);
  CHECK(network_at(stacked{}, 30, 90) == 9);
  CHECK(network_at(stacked{}, 60, 90) == 12);
}

TEST_CASE("gradual stacking keeps the blocks that exist") {
  for (std::int64_t step = 0; step < 90; ++step)
    CHECK(plan_at(stacked{}, step, 90) == step_plan::of_blocks(twelve_blocks, unit_set::first(6 + 3 * static_cast<int>(step / 30))));
  static_assert(block_flops_ratio<stacked, example_block>(bert_base) == 0.75);
  static_assert(progressive<stacked, example_block, bert_base>);
  round_trips(stacked{}, "stack:6-9-12");
  CHECK(same_plans(stacked{}, stacking(std::vector{6, 9, 12})));
  CHECK(growth_at(stacking(std::vector{6, 9, 12}), 30, 90) == third_to_fifth);
}

TEST_CASE("a run that is shorter than its stages are many copies through the stages that it leaves out") {
  CHECK(growth_at(gradual_stacking<3, 6, 12>{}, 1, 2) == copies{{0, 3}, {1, 4}, {2, 5}});
  const gradual_stacking<2, 4, 8, 12> steep;
  CHECK(growth_at(steep, 1, 2) == copies{{0, 2}, {1, 3}, {0, 4}, {1, 5}, {0, 6}, {1, 7}});
}

TEST_CASE("depths that cannot be stacked are refused with what can be") {
  CHECK_THROWS_WITH_AS(any_schedule("stack:3-9-12"),
                       "raptr: the stacking depths 3-9-12 are not valid: each depth is at least the previous one and at most twice that, "
                       "as in 6-9-12",
                       input_error);
  CHECK_THROWS_AS(any_schedule("stack:9-6"), input_error);
  CHECK_THROWS_AS(stacking(std::vector<int>{}), input_error);
  CHECK_THROWS_AS(check_schedule(any_schedule("stack:8-13"), twelve_blocks, 10, true), input_error);
}

TEST_CASE("schedules that contain others pass growth on, with the position within the active one") {
  const then<lasting<share<1, 10>, full_network>, stacked> later;
  const with<constant<head_drop<keep<1, 2>>>, stacked> wide;
  CHECK(growth_at(later, 10, 100).empty());
  CHECK(growth_at(later, 40, 100) == third_to_fifth);
  CHECK(growth_at(any_schedule(later), 40, 100) == third_to_fifth);
  CHECK(growth_at(any_schedule("stack:6-9-12 for 9/10 then full"), 30, 100) == third_to_fifth);
  CHECK(network_at(later, 9, 100) == 12);
  CHECK(network_at(later, 10, 100) == 6);
  CHECK(growth_at(wide, 30, 90) == third_to_fifth);
  CHECK(growth_at(with<stacked, constant<head_drop<keep<1, 2>>>>{}, 30, 90) == third_to_fifth);
  CHECK(network_at(wide, 30, 90) == 9);
  CHECK(growth_at(any_schedule("heads constant:1/2 with stack:6-9-12"), 60, 90) == sixth_to_eighth);
  round_trips(wide, "heads constant:1/2 with stack:6-9-12");
}

TEST_CASE("schedules that do not grow have all blocks from the start") {
  CHECK(growth_at(full_network{}, 0, 10).empty());
  CHECK(network_at(any_schedule("6-12"), 0, 10) == 12);
}

TEST_CASE("a middle part is duplicated by copies that are made at once") {
  const any_schedule grow(middle{});
  std::vector<char> names{'a', 'b', 'c', 'd', '-'};
  const std::vector<char> before = names;
  for (const block_copy& c : growth_at(grow, 5, 10)) names[static_cast<std::size_t>(c.to)] = before[static_cast<std::size_t>(c.from)];
  CHECK(names == std::vector<char>{'a', 'b', 'b', 'c', 'd'});
  CHECK(growth_at(grow, 6, 10).empty());
}

TEST_CASE("est costs three quarters, on every network") {
  static_assert(progressive<est, example_block, bert_base> && est::period() == 3);
  for (const model_shape& shape : {bert_base, model_shape{.layers = 7, .width = 256, .heads = 4, .kv_heads = 2}})
    CHECK(block_flops_ratio(est{}, layout_of<example_block>(shape), 3'000) == doctest::Approx(0.75).epsilon(1e-9));
  CHECK(block_flops_ratio(est{.rate = 0.5}, twelve_blocks, 300) == doctest::Approx((0.25 + 0.5 + 1) / 3));
}

TEST_CASE("est drops layers, heads and neurons, then heads and neurons, then nothing") {
  const auto at = [](std::int64_t step) { return est{}.at(position_at(est{}, step, 90, bert_base)); };
  CHECK(at(29).find("layers") != nullptr);
  CHECK(at(30).find("layers") == nullptr);
  CHECK(at(30).find("heads")->kept_of(1'000) == doctest::Approx(724.7449));
  CHECK(at(59).find("neurons") != nullptr);
  const stage_rule last = at(60);
  CHECK(last.begin() == last.end());
  CHECK(plan_at(est{}, 60, 90) == step_plan::full(twelve_blocks));
  round_trips(est{}, "est");
  round_trips(est{.rate = 0.5}, "est:0.5");
  reads_as("est:0.75", est{.rate = 0.75});
  CHECK_THROWS_AS(plan_at(est{.rate = 0}, 0, 10), input_error);
  CHECK_THROWS_AS(any_schedule("est:0"), input_error);
}

TEST_CASE("policies after the word of a recipe are those of its layers") {
  for (const char* const text :
       {"pld(unscaled):0.5", "pld(exactly, sqrt_gap):0.5", "pld(linear_from_first, inverse):0.6", "est(bernoulli, sqrt_gap)", "est(fixed:2:2):0.5",
        "stack(completep):6-9-12", "stack(completep:0.5):6-12", "full for 1/4 then pld(sqrt_inverse):0.5", "est(completep) with sequences 1/2-full"})
    round_trips(any_schedule(text), text);
  CHECK(any_schedule("stack( completep:0.5 ):6-12").text() == "stack(completep:0.5):6-12");
  CHECK(same_plans(any_schedule("pld(linear, inverse_per_branch):0.5"), pld{.theta_bar = 0.5}));
  CHECK(same_plans(any_schedule("est(exactly)"), est{}));
  const auto by_value = with_rule(pld{.theta_bar = 0.5}, custom_rule(pld::rule(), unscaled{}));
  CHECK(same_plans(any_schedule("pld(unscaled):0.5"), by_value));
  CHECK_THROWS_AS(by_value.text(), input_error);
  const auto factors = [](const char* text, std::int64_t step, double factor) {
    CAPTURE(text);
    for (const step_plan plan = plan_at(any_schedule(text), step, 90); const block_plan& b : plan.blocks())
      for (const part_plan& part : b.parts()) CHECK(part.factor == doctest::Approx(factor).epsilon(1e-12));
  };
  factors("pld(unscaled):0.5", 80, 1);
  factors("stack(completep):6-9-12", 0, 2);
  factors("stack(completep):6-9-12", 30, 12.0 / 9);
  factors("stack(completep:0.5):6-9-12", 0, std::sqrt(2.0));
  const any_schedule grows("stack(completep):6-9-12");
  CHECK(growth_of(grows, position_at(grows, 30, 90, bert_base)) == std::vector<block_copy>{{3, 6}, {4, 7}, {5, 8}});
  CHECK_THROWS_WITH_AS(any_schedule("stack(bernoulli):6-12"),
                       "raptr: schedule \"stack(bernoulli):6-12\": expected a scale, such as completep: stack always trains the first blocks, those "
                       "that exist at position 7, found \"bernoulli\"",
                       input_error);
  for (const char* const mistake : {"stack(first, linear):6-12", "stack(fixed:1:1):6-12", "pld(once):0.5", "pld(unscaled, inverse):0.5", "est(gap)",
                                    "decreasing(unscaled):0.5"}) {
    CAPTURE(mistake);
    CHECK_THROWS_AS(any_schedule{mistake}, input_error);
  }
}
