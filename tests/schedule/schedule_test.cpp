// SPDX-License-Identifier: Apache-2.0
// The laws of a schedule: its stages cover the run in order, without gap and overlap, borders fall where the shares say,
// and at(run_position) answers the same everywhere in a stage.
#include <doctest/doctest.h>

#include <vector>

#include <raptr/schedule/any_schedule.hpp>
#include <raptr/schedule/plan.hpp>
#include <raptr/schedule/progressive.hpp>

#include "example_block.hpp"

using namespace raptr;

namespace {

constexpr auto layout = layout_of<example_block>(bert_base);
using paper = equal_stages<layer_drop, 6, 8, 10, 12>;
using late = proportional_stages<layer_drop, 6, 8, 10, 12>;
using uneven = schedule<stage<share<1, 10>, layer_drop<keep<1, 2>>>, stage<share<7, 10>, layer_drop<keep<3, 4>>>, stage<share<1, 5>, full_network>>;
using warm_share = then<lasting<share<1, 10>, full_network>, paper>;
using warm_steps = then<lasting<steps<7>, full_network>, paper>;
using nested = then<lasting<share<1, 2>, warm_share>, then<lasting<share<1, 3>, uneven>, full_network>>;

/// Moves at every step and has no stages.
struct grow_evenly {
  stage_rule at(const run_position& now) const {
    stage_rule rules;
    rules.add(rule_of<layer_drop>().keeping(2 + static_cast<int>((now.shape.layers - 1) * now.step / now.total)));
    return rules;
  }
};

double kept_at(const auto& schedule, std::int64_t step, std::int64_t total) {
  const stage_rule rules = schedule.at(position_at(schedule, step, total, bert_base));
  const drop_rule* const rule = rules.find(layers::name);
  return rule ? rule->kept_of(bert_base.layers) : bert_base.layers;
}

std::vector<std::int64_t> starts(const auto& schedule, std::int64_t total) {
  std::vector<std::int64_t> found;
  for (std::int64_t step = 0; step < total; step = stage_end(schedule, step, total)) found.push_back(step);
  return found;
}

void obeys_the_laws(const auto& schedule, std::int64_t total) {
  CAPTURE(total);
  std::int64_t covered = 0;
  int stage = -1;
  double kept = 0;
  run_position before;
  for (std::int64_t step = 0; step < total; ++step) {
    const run_position now = position_at(schedule, step, total, bert_base);
    REQUIRE(now.step == step);
    REQUIRE(now.first <= step);
    REQUIRE(step <= now.last);
    REQUIRE(stage_end(schedule, step, total) == now.last + 1);
    if (now.stage != stage) {
      REQUIRE(now.stage == stage + 1);
      REQUIRE(now.first == step);
      REQUIRE(covered == step);
      covered = now.last + 1, stage = now.stage, kept = kept_at(schedule, step, total);
    } else {
      REQUIRE(now.first == before.first);
      REQUIRE(now.last == before.last);
      REQUIRE(kept_at(schedule, step, total) == kept);
    }
    REQUIRE(now.stages >= now.stage + 1);
    before = now;
  }
  CHECK(covered == total);
  CHECK(before.stages == stage + 1);
}

void same_plans(const auto& one, const auto& other, std::int64_t total) {
  step_plan a(layout), b(layout);
  for (std::int64_t step = 0; step < total; step += 1 + total / 97) {
    const draw_key key{.seed = 3, .step = static_cast<std::uint64_t>(step)};
    plan_into(a, one, key, total), plan_into(b, other, key, total);
    REQUIRE(a == b);
  }
}

}  // namespace

TEST_CASE("stages cover the run, whatever its length, in types and behind any_schedule") {
  for (const std::int64_t total : {9, 10, 41, 400, 1'001}) {
    obeys_the_laws(paper{}, total);
    obeys_the_laws(late{}, total);
    obeys_the_laws(uneven{}, total);
    obeys_the_laws(warm_share{}, total);
    obeys_the_laws(warm_steps{}, total);
    obeys_the_laws(full_network{}, total);
    obeys_the_laws(any_schedule(warm_steps{}), total);
    obeys_the_laws(any_schedule("full for 1/10 then 6-8-10-12@1:2:3:4"), total);
    if (total > 10) obeys_the_laws(nested{}, total);
  }
}

TEST_CASE("a run of fewer steps than stages leaves stages out and still covers every step") {
  for (const std::int64_t total : {1, 2, 3}) obeys_the_laws(paper{}, total);
  CHECK(kept_at(paper{}, 0, 1) == 6);
}

TEST_CASE("borders fall where the shares say") {
  using list = std::vector<std::int64_t>;
  CHECK(starts(paper{}, 1'200) == list{0, 300, 600, 900});
  CHECK(starts(late{}, 1'000) == list{0, 100, 300, 600});
  CHECK(starts(uneven{}, 1'000) == list{0, 100, 800});
  CHECK(starts(paper{}, 10) == list{0, 3, 5, 8});
}

TEST_CASE("then: a share of the whole, then shares of what is left") {
  using list = std::vector<std::int64_t>;
  CHECK(starts(warm_share{}, 1'000) == list{0, 100, 325, 550, 775});
  CHECK(starts(warm_steps{}, 407) == list{0, 7, 107, 207, 307});
  CHECK(starts(nested{}, 3'000) == list{0, 150, 488, 825, 1'163, 1'500, 1'550, 1'900, 2'000});
}

TEST_CASE("then: the step after the first schedule is the first of the next one") {
  CHECK(kept_at(warm_steps{}, 6, 407) == 12);
  CHECK(kept_at(warm_steps{}, 7, 407) == 6);
  CHECK(kept_at(warm_steps{}, 406, 407) == 12);
  same_plans(any_schedule("constant:9 for 1/2 then full"), then<lasting<share<1, 2>, constant<layer_drop<keep<9>>>>, full_network>{}, 100);
}

TEST_CASE("then: a first schedule that leaves no step for the next one is refused with the numbers") {
  CHECK_THROWS_WITH_AS(position_at(warm_steps{}, 0, 7, bert_base),
                       "raptr: a schedule that lasts 7 steps leaves none of the 7 for the next one: make it shorter or the run longer", input_error);
  CHECK_NOTHROW(position_at(warm_steps{}, 0, 8, bert_base));
}

TEST_CASE("then takes values as it takes types") {
  const any_schedule first(full_network{}), rest(paper{});
  const then<lasting<duration, any_schedule>, any_schedule> values{{duration(7), first}, rest};
  same_plans(values, warm_steps{}, 407);
  CHECK(values.text() == text_of(warm_steps{}));
}

TEST_CASE("proportional stages last 1, 2, 3, 4 parts of 10") {
  CHECK(kept_at(late{}, 99, 1'000) == 6);
  CHECK(kept_at(late{}, 100, 1'000) == 8);
  CHECK(kept_at(late{}, 300, 1'000) == 10);
  CHECK(kept_at(late{}, 600, 1'000) == 12);
}

TEST_CASE("a constant keeps the same number at every step, the full network drops nothing") {
  for (std::int64_t step = 0; step < 50; ++step) {
    CHECK(kept_at(constant<layer_drop<keep<9>>>{}, step, 50) == 9);
    CHECK(kept_at(full_network{}, step, 50) == 12);
  }
  same_plans(constant<full_network>{}, full_network{}, 50);
}

TEST_CASE("a schedule without stages is one stage, inside which its rules may move") {
  CHECK(!staged<grow_evenly>);
  CHECK(staged<any_schedule>);
  const any_schedule behind(grow_evenly{});
  CHECK(starts(behind, 100) == std::vector<std::int64_t>{0});
  CHECK(rules_end(behind, 5, 100) == 6);
  CHECK(rules_end(any_schedule(paper{}), 5, 100) == 25);
  const then<lasting<share<1, 2>, grow_evenly>, paper> mixed{};
  CHECK(rules_end(mixed, 5, 200) == 6);
  CHECK(rules_end(mixed, 105, 200) == 125);
  CHECK(stage_end(mixed, 5, 200) == 100);
  same_plans(any_schedule(mixed), mixed, 200);
}

TEST_CASE("only what answers at(run_position) is a schedule, and only types know their stages before the run") {
  static_assert(subnet_schedule<paper> && subnet_schedule<any_schedule> && subnet_schedule<grow_evenly> && !subnet_schedule<int>);
  static_assert(static_stages<paper> && static_stages<warm_share> && static_stages<warm_steps> && !static_stages<any_schedule>);
  static_assert(paper::period() == 4 && warm_share::period() == 40 && warm_steps::period() == 0);
}

TEST_CASE("a list of stages that a program made must cover the run") {
  std::vector<stage_rule> list(2);
  list[0].share = fraction(1, 4), list[1].share = fraction(1, 2);
  CHECK_THROWS_WITH_AS(stage_list{list}, "raptr: the shares of a schedule's stages add up to 3/4: they must add up to 1", input_error);
  CHECK_THROWS_AS(stage_list({}), input_error);
  list[1].share = fraction(3, 4);
  CHECK_NOTHROW(stage_list{list});
}
