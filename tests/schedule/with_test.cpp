// SPDX-License-Identifier: Apache-2.0
// Schedules on different axes at once.
#include <raptr/schedule/progressive.hpp>

#include "schedule_checks.hpp"

using namespace raptr;

namespace {

using depth = equal_stages<layer_drop, 6, 8, 10, 12>;
using half_heads = schedule<stage<share<1, 3>, head_drop<keep<1, 2>>>, stage<share<2, 3>, full_network>>;
using both = with<depth, half_heads>;
using in_one_list = schedule<stage<share<1, 3>, layer_drop<keep<6>>, head_drop<keep<1, 2>>>, stage<share<2, 3>, layer_drop<keep<12>>>>;

static_assert(both::period() == 12);
static_assert(progressive<both, example_block, bert_base>);
static_assert(static_stages<both> && !static_stages<with<depth, any_schedule>>);
static_assert(on_different_axes<depth, half_heads>() && !on_different_axes<depth, depth>());
static_assert(!on_different_axes<depth, then<lasting<steps<5>, half_heads>, depth>>());

std::vector<std::int64_t> borders(const auto& schedule, std::int64_t total) {
  std::vector<std::int64_t> found;
  for (std::int64_t step = 0; step < total; step = stage_end(schedule, step, total)) found.push_back(step);
  return found;
}

}  // namespace

TEST_CASE("with: each axis has borders of its own, and a stage ends where either ends") {
  CHECK(borders(both{}, 120) == std::vector<std::int64_t>{0, 30, 40, 60, 90});
  const run_position now = position_at(both{}, 35, 120, bert_base);
  CHECK(both{}.at(now).find("layers")->kept_of(12) == 8);
  CHECK(both{}.at(now).find("heads")->kept_of(12) == 6);
  CHECK(both{}.at(position_at(both{}, 45, 120, bert_base)).find("heads") == nullptr);
}

TEST_CASE("with: types, values and text have the same plans") {
  round_trips(both{}, "6-8-10-12 with heads 1/2-full@1:2");
  CHECK(same_plans(both{}, with(depth{}, half_heads{})));
  CHECK(same_plans(both{}, with(any_schedule(depth{}), any_schedule("heads 1/2-full@1:2"))));
  CHECK(same_plans(both{}, any_schedule(both{})));
  round_trips(in_one_list{}, "6-12@1:2 with heads 1/2-full@1:2");
  round_trips(with<both, constant<neuron_drop<keep<3, 4>>>>{}, "6-8-10-12 with heads 1/2-full@1:2 with neurons constant:3/4");
  round_trips(with<constant<neuron_drop<keep<3, 4>>>, both>{}, "neurons constant:3/4 with (6-8-10-12 with heads 1/2-full@1:2)");
  round_trips(then<lasting<share<1, 10>, full_network>, both>{}, "full for 1/10 then 6-8-10-12 with heads 1/2-full@1:2");
  round_trips(with<then<lasting<share<1, 10>, full_network>, depth>, half_heads>{}, "(full for 1/10 then 6-8-10-12) with heads 1/2-full@1:2");
  round_trips(with<ramp<layer_drop, keep<6>, keep<12>>, half_heads>{}, "ramp:6-12 with heads 1/2-full@1:2");
}

TEST_CASE("with: rules move as often as those of either") {
  const with<ramp<layer_drop, keep<6>, keep<12>>, half_heads> moving;
  CHECK(rules_end(moving, 5, 120) == 6);
  CHECK(stage_end(moving, 5, 120) == 40);
  CHECK(rules_end(both{}, 31, 120) == 40);
}

TEST_CASE("with: two drops on one axis are refused as soon as they are known") {
  CHECK_THROWS_WITH_AS(with(any_schedule("6-12"), any_schedule("full for 1/2 then constant:9")),
                       "raptr: both schedules of raptr::with drop layers: only one may", input_error);
  CHECK_THROWS_WITH_AS(any_schedule("6-12 with pld:0.5"), "raptr: schedule \"6-12 with pld:0.5\": both sides of 'with' drop layers: only one may",
                       input_error);
  CHECK_THROWS_WITH_AS(any_schedule("est with neurons 1/2-full"),
                       "raptr: schedule \"est with neurons 1/2-full\": both sides of 'with' drop neurons: only one may", input_error);
  CHECK_THROWS_AS(any_schedule("width 1/2-full with neurons 1/2-full"), input_error);
  CHECK_NOTHROW(any_schedule("6-12 with sublayers 18-24"));
}

TEST_CASE("with: a drop that nobody could know is found by the check of the run") {
  struct late {
    stage_rule at(const run_position& now) const {
      stage_rule rules;
      if (now.step > 50) rules.add(rule_of<layer_drop>().keeping(6));
      return rules;
    }
  };
  const with hidden(late{}, depth{});
  CHECK_THROWS_WITH_AS(check_schedule(hidden, twelve_blocks, 100, true), "raptr: a stage has two drops on layers: only one is allowed per axis",
                       input_error);
}

TEST_CASE("with: costs multiply inside a block") {
  CHECK(block_flops_ratio(any_schedule("constant:6 with heads constant:1/2 with neurons constant:1/2"), twelve_blocks, 10) == doctest::Approx(0.25));
}
