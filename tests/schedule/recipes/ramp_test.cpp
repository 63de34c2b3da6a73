// SPDX-License-Identifier: Apache-2.0
// Schedules that move at every step, against their formulas.
#include <cmath>

#include <raptr/schedule/progressive.hpp>

#include "schedule_checks.hpp"

using namespace raptr;

namespace {

double mean_at(const auto& schedule, std::string_view axis, std::int64_t step, std::int64_t total, int units) {
  const stage_rule rules = schedule.at(position_at(schedule, step, total, bert_base));
  return rules.find(axis)->kept_of(units);
}

}  // namespace

TEST_CASE("a ramp moves linearly from the first step to the last one") {
  const ramp<layer_drop, keep<6>, keep<12>> grow;
  for (std::int64_t step = 0; step < 61; ++step) CHECK(mean_at(grow, "layers", step, 61, 12) == doctest::Approx(6 + 0.1 * static_cast<double>(step)));
  CHECK(mean_at(grow, "layers", 0, 1, 12) == 12);
  CHECK(plan_at(grow, 0, 61).size() == 6);
  CHECK(plan_at(grow, 60, 61).size() == 12);
  CHECK(!staged<ramp<layer_drop, keep<6>, keep<12>>>);
  CHECK(ends_full(grow, twelve_blocks, 61));
  CHECK(never_shrinks(grow, twelve_blocks, 61));
  CHECK(block_flops_ratio(grow, twelve_blocks, 61) == doctest::Approx(0.75));
}

TEST_CASE("a ramp between counts is right on average and keeps whole numbers") {
  double sum = 0;
  const ramp<layer_drop, keep<6>, keep<12>> grow;
  for (std::int64_t step = 0; step < 6'001; ++step) sum += plan_at(grow, step, 6'001).size();
  CHECK(sum / 6'001 == doctest::Approx(9).epsilon(0.005));
}

TEST_CASE("a ramp from a count to a part knows the units of its axis") {
  const any_schedule heads("heads ramp:3-full"), blocks("ramp:4-0.5");
  CHECK(mean_at(heads, "heads", 50, 101, 12) == 7.5);
  CHECK(mean_at(heads, "heads", 50, 101, 4) == 3.5);
  CHECK(mean_at(blocks, "layers", 50, 101, 12) == 5);
  CHECK_THROWS_WITH_AS(check_schedule(any_schedule("heads ramp:3-13"), twelve_blocks, 100, true),
                       "raptr: a stage keeps 13 of 12 heads: keep between 1 and 12", input_error);
  CHECK_THROWS_AS(block_flops_ratio(any_schedule("sequences ramp:3-full"), layout_of<example_block>(bert_base), 100), input_error);
}

TEST_CASE("ramps as type, value and text have the same plans") {
  round_trips(ramp<layer_drop, keep<6>, keep<12>>{}, "ramp:6-12");
  round_trips(ramp<head_drop, keep<1, 2>, keep<1, 1>>{}, "heads ramp:1/2-full");
  CHECK(same_plans(ramp<head_drop, keep<1, 2>, keep<1, 1>>{}, linear_ramp{rule_of<head_drop>(), fraction(1, 2), amount{}}));
  round_trips(linear_ramp{rule_of<sequence_drop<keep<1>, bernoulli<>>>(), amount::mean_share(0.25), amount::mean_share(0.875)},
              "sequences(bernoulli) ramp:0.25-0.875");
}

TEST_CASE("inside a schedule with a length, the first and the last step are those of that length") {
  const then<lasting<share<1, 2>, ramp<layer_drop, keep<6>, keep<12>>>, full_network> half;
  CHECK(mean_at(half, "layers", 0, 122, 12) == 6);
  CHECK(mean_at(half, "layers", 30, 122, 12) == 9);
  CHECK(mean_at(half, "layers", 60, 122, 12) == 12);
  round_trips(half, "ramp:6-12 for 1/2 then full");
  const any_schedule late("full for 1/2 then decreasing:0.8");
  CHECK(mean_at(late, "sequences", 50, 100, 100) == doctest::Approx(60));
}

TEST_CASE("pld drops block i with probability (i / L) (1 - theta), and divides every branch by what it keeps") {
  const pld usual;
  for (const std::int64_t step : {0, 3, 10, 99}) {
    const run_position now = position_at(usual, step, 100, bert_base);
    const drop_rule rule = *usual.at(now).find("layers");
    const double theta = 0.5 * std::exp(-100.0 * static_cast<double>(step) / 100) + 0.5, mean = rule.kept_of(12);
    for (int i = 1; i <= 12; ++i) {
      if (theta == 1) continue;
      const double kept = rule.select.probability(i - 1, 12, {static_cast<int>(mean), mean});
      CHECK(kept == doctest::Approx(1 - i / 12.0 * (1 - theta)));
    }
  }
  CHECK(plan_at(usual, 0, 100).size() == 12);
  for (std::int64_t step = 20; step < 40; ++step)
    for (const step_plan plan = plan_at(usual, step, 100); const block_plan& b : plan.blocks()) {
      CHECK(b.factor == 1);
      CHECK(b.parts()[0].factor == doctest::Approx(1 / (1 - (b.block + 1) / 12.0 * 0.5)));
      CHECK(b.parts()[1].factor == b.parts()[0].factor);
    }
}

TEST_CASE("pld as value and text, and its numbers") {
  round_trips(pld{}, "pld:0.5");
  round_trips(pld{.theta_bar = 0.534}, "pld:0.534");
  round_trips(pld{.theta_bar = 1}, "pld:1");
  round_trips(pld{.theta_bar = 0}, "pld:0");
  CHECK_THROWS_WITH_AS((void)pld{.gamma = 5}.text(), "raptr: this schedule has no text form", input_error);
  CHECK_THROWS_WITH_AS(plan_at(pld{.theta_bar = 1.5}, 0, 10), "raptr: pld::theta_bar is 1.5: give a number from 0 to 1", input_error);
  CHECK_THROWS_WITH_AS(plan_at(pld{.gamma = -1}, 0, 10), "raptr: pld::gamma is -1: give a number above 0", input_error);
}

TEST_CASE("decreasing drops block l at step t with probability most l / (L - 1) (1 - t / (T - 1))") {
  const decreasing usual;
  for (const std::int64_t step : {0, 10, 98, 99}) {
    const drop_rule rule = *usual.at(position_at(usual, step, 100, bert_base)).find("sequences");
    for (int l = 0; l < 12; ++l)
      CHECK(rule.kept_in(l, 12, 1'000) == doctest::Approx(1'000 * (1 - 0.99 * l / 11 * (1 - static_cast<double>(step) / 99))));
  }
  CHECK(plan_at(usual, 99, 100) == step_plan::full(twelve_blocks));
  CHECK(plan_at(usual, 0, 1) == step_plan::full(twelve_blocks));
}

TEST_CASE("decreasing saves a quarter of its largest drop") {
  for (const double most : {0.99, 0.5, 1.0})
    CHECK(block_flops_ratio(decreasing{.most = most}, layout_of<example_block>(bert_base), 10'000) == doctest::Approx(1 - most / 4).epsilon(1e-4));
  CHECK(block_flops_ratio(decreasing{.most = 0.8}, twelve_blocks, 10'000) == doctest::Approx(0.8).epsilon(1e-4));
}

TEST_CASE("decreasing as value and text, and its number") {
  round_trips(decreasing{}, "decreasing:0.99");
  round_trips(decreasing{.most = 1}, "decreasing:1");
  CHECK_THROWS_WITH_AS(plan_at(decreasing{.most = -0.5}, 0, 10), "raptr: decreasing::most is -0.5: give a number from 0 to 1", input_error);
  const network_layout one_block = layout_of<example_block>(model_shape{.layers = 1}, 4);
  step_plan plan(one_block);
  plan_into(plan, decreasing{}, {.seed = 1, .step = 0}, 10);
  CHECK(plan == step_plan::full(one_block));
}

TEST_CASE("a profile keeps the share of every block that it says") {
  const any_schedule text("profile:1:1:1:1:1:1:0.9:0.8:0.7:0.6:0.5:0.5");
  round_trips(text, "profile:1:1:1:1:1:1:0.9:0.8:0.7:0.6:0.5:0.5");
  round_trips(constant_profile(rule_of<head_drop>(), {{1, 1, 1, 1, 1, 1, 0.75, 0.75, 0.5, 0.5, 0.25, 0.25}}),
              "heads profile:1:1:1:1:1:1:0.75:0.75:0.5:0.5:0.25:0.25");
  CHECK(block_flops_ratio(text, twelve_blocks, 10) == doctest::Approx(10.0 / 12));
  int last = 0;
  for (std::int64_t step = 0; step < 2'000; ++step) last += plan_at(text, step, 2'000).has(11);
  CHECK(last / 2'000.0 == doctest::Approx(0.5).epsilon(0.08));
  CHECK_THROWS_WITH_AS(check_schedule(any_schedule("profile:1:0.5"), twelve_blocks, 10, true),
                       "raptr: a profile has 2 shares, but the network has 12 blocks: give one share per block", input_error);
  CHECK_THROWS_AS(any_schedule("profile:0:0"), input_error);
}
