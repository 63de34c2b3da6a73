// SPDX-License-Identifier: Apache-2.0
// Names that a user gives to global constants: g++ looks them up where our templates are instantiated, so that a local
// name of ours would be said to shadow them.
#ifdef __GNUC__
#pragma GCC diagnostic error "-Wshadow"
#endif
#include <doctest/doctest.h>

#include <raptr/schedule/any_schedule.hpp>
#include <raptr/schedule/grammar/solve.hpp>
#include <raptr/schedule/plan.hpp>
#include <raptr/schedule/progressive.hpp>
#include <raptr/schedule/recipes/est.hpp>
#include <raptr/schedule/stage_table.hpp>

#include "example_block.hpp"

namespace {
constexpr raptr::model_shape small{.layers = 6, .width = 48, .heads = 4, .neurons = 96, .neuron_group = 12, .context = 8};
}
using depth = raptr::equal_stages<raptr::layer_drop, 2, 4, 6>;
using heads = raptr::schedule<raptr::stage<raptr::share<1, 2>, raptr::head_drop<raptr::keep<1, 2>, raptr::linear_in_depth>>,
                              raptr::stage<raptr::share<1, 2>, raptr::full_network>>;
static constexpr raptr::model_shape shape = small;
static constexpr raptr::with<depth, heads> schedule;
static constexpr raptr::network_layout layout = raptr::layout_of<example_block>(shape, 4);
static const raptr::text_options options;
static const char* const text = "full for 1/10 then 2-4-6";
static raptr::step_plan plan(layout);

TEST_CASE("a program may call its own constants shape, schedule, depth, heads, layout, options, text and plan") {
  static_assert(raptr::progressive<raptr::with<depth, heads>, example_block, shape>);
  static_assert(raptr::block_flops_ratio<depth, example_block>(shape) == 2.0 / 3);
  const raptr::any_schedule read(text, options), held(schedule);
  raptr::check_schedule(read, layout, 100, true);
  CHECK(raptr::stage_table(held, layout, 12).size() == 4);
  raptr::plan_into(plan, held, {.seed = 1, .step = 2}, 12);
  CHECK(plan.size() == 2);
  CHECK(raptr::solve_text("2-6@^?", 0.8, [](const raptr::any_schedule& s) { return raptr::block_flops_ratio(s, layout, 1'000); }).substr(0, 5) ==
        "2-6@^");
}
