// SPDX-License-Identifier: Apache-2.0
// Networks that grow by copies of their blocks, and stages on three axes.
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

}  // namespace

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
