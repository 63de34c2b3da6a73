// SPDX-License-Identifier: Apache-2.0
// What a schedule costs, whether it is progressive, whether it fits, and the table of its stages.
#include <doctest/doctest.h>

#include <raptr/subnet/schedule/any_schedule.hpp>
#include <raptr/subnet/schedule/progressive.hpp>
#include <raptr/subnet/schedule/stage_table.hpp>

#include "example_block.hpp"

using namespace raptr;

namespace {

constexpr auto layout = layout_of<example_block>(bert_base);
using paper = equal_stages<layer_drop, 6, 8, 10, 12>;
using late = proportional_stages<layer_drop, 6, 8, 10, 12>;
using nine = constant<layer_drop<keep<9>>>;
using warm = in_turn<during<steps<30'000>, full_network>, paper>;
using warm_share = in_turn<during<share<1, 10>, full_network>, paper>;
template <class Keep> using whole_block_drop = layer_drop<Keep, inverse>;
using whole = equal_stages<whole_block_drop, 6, 12>;
using in_second_stage = schedule<stage<share<1, 4>, layer_drop<keep<6>>>, stage<share<3, 4>, layer_drop<keep<8>, inverse>>>;

static_assert(block_flops_ratio<paper, example_block>(bert_base) == 0.75);
static_assert(block_flops_ratio<paper, example_block>(gpt_small) == 0.75);
static_assert(block_flops_ratio<nine, example_block>(bert_base) == 0.75);
static_assert(block_flops_ratio<late, example_block>(bert_base) == 10.0 / 12);
static_assert(block_flops_ratio<full_network, example_block>(bert_base) == 1);
static_assert(block_flops_ratio<constant<layer_drop<keep<1, 2>>>, example_block>(bert_base) == 0.5);
static_assert(block_flops_ratio<warm, example_block>(bert_base, 120'000) == 0.25 + 0.75 * 0.75);
static_assert(block_flops_ratio<warm_share, example_block>(bert_base) == 0.775);

static_assert(progressive<paper, example_block, bert_base> && progressive<late, example_block, bert_base>);
static_assert(progressive<warm, example_block, bert_base> && progressive<warm_share, example_block, bert_base>);  // a full warm-up may come first
static_assert(progressive<full_network, example_block, bert_base>);
static_assert(!progressive<nine, example_block, bert_base>);                                        // ends with 9
static_assert(!progressive<paper, example_block, model_shape{.layers = 24}>);                       // ends with 12 of 24
static_assert(!progressive<paper, example_block, model_shape{.layers = 11}>);                       // 12 of 11
static_assert(!progressive<equal_stages<layer_drop, 8, 6, 12>, example_block, bert_base>);          // shrinks
static_assert(!progressive<in_turn<during<share<1, 2>, paper>, paper>, example_block, bert_base>);  // shrinks in the middle
static_assert(subnet_schedule<require_progressive<paper, example_block, bert_base>>);
static_assert(scales_fit_norm<paper, false>() && scales_fit_norm<whole, true>() && !scales_fit_norm<whole, false>());
static_assert(scales_fit_norm<any_schedule, false>());  // nothing is known of it yet

/// Moves at every step.
struct grow_evenly {
  stage_rule at(const moment& now) const {
    stage_rule rules;
    rules.add(rule_of<layer_drop>().keeping(2 + static_cast<int>((now.shape.layers - 1) * now.step / now.total)));
    return rules;
  }
};

}  // namespace

TEST_CASE("text and type cost the same, exactly") {
  CHECK(block_flops_ratio(any_schedule("6-8-10-12"), layout, 100'000) == 0.75);
  CHECK(block_flops_ratio(any_schedule("constant:9"), layout, 100'000) == 0.75);
  CHECK(block_flops_ratio(any_schedule("full for 30000 then 6-8-10-12"), layout, 120'000) == 0.8125);
}

TEST_CASE("a cost counts steps as they fall, also where stages do not divide the run") {
  CHECK(block_flops_ratio(paper{}, layout, 10) == (3 * 6 + 2 * 8 + 3 * 10 + 2 * 12) / 120.0);
}

TEST_CASE("a schedule that moves at every step is counted step by step") {
  double kept = 0;
  for (int step = 0; step < 100; ++step) kept += 2 + 11 * step / 100;
  CHECK(block_flops_ratio(grow_evenly{}, layout, 100) == doctest::Approx(kept / 1'200));
  CHECK(block_flops_ratio(any_schedule(grow_evenly{}), layout, 100) == doctest::Approx(kept / 1'200));
  CHECK(never_shrinks(any_schedule(grow_evenly{}), layout, 100));
  CHECK(ends_full(grow_evenly{}, layout, 100));
}

TEST_CASE("the same questions are asked of values") {
  const auto never_shrinks_ = [](const char* text) { return never_shrinks(any_schedule(text, {.allow_shrinking = true}), layout, 1'000); };
  CHECK(never_shrinks_("6-8-10-12"));
  CHECK(never_shrinks_("full for 1/10 then 6-8-10-12"));
  CHECK(!never_shrinks_("12-10-8-6"));
  CHECK(!never_shrinks_("6-12-8"));
  CHECK(ends_full(any_schedule("6-12"), layout, 1'000));
  CHECK(!ends_full(any_schedule("6-11"), layout, 1'000));
  CHECK(fits_network(any_schedule("6-12"), layout, 1'000));
  CHECK(!fits_network(any_schedule("6-13"), layout, 1'000));
  CHECK(!fits_network(any_schedule("1-12"), layout, 1'000));
}

TEST_CASE("a schedule that fits passes its check") {
  CHECK_NOTHROW(check_schedule(paper{}, layout, 100, false));
  CHECK_NOTHROW(check_schedule(whole{}, layout, 100, true));
  CHECK_NOTHROW(check_schedule(grow_evenly{}, layout, 100, false));
}

TEST_CASE("the check finds a mistake in any stage, also one that begins late") {
  CHECK_THROWS_WITH_AS(check_schedule(equal_stages<layer_drop, 6, 8, 13>{}, layout, 100, false),
                       "raptr: a stage keeps 13 of 12 layers: keep between 1 and 12", input_error);
  CHECK_THROWS_WITH_AS(
      check_schedule(in_second_stage{}, layout, 100, false),
      "raptr: this schedule scales whole blocks (raptr::inverse) at step 25, which a block with its norm after the residual sum cannot do: "
      "use inverse_per_branch or pre_norm",
      input_error);
  CHECK_THROWS_AS(check_schedule(any_schedule(in_second_stage{}), layout, 100, false), input_error);
  CHECK_THROWS_AS(check_schedule(warm{}, layout, 30'000, false), input_error);
  CHECK_THROWS_WITH_AS(check_schedule(paper{}, layout, 0, false), "raptr: a run of 0 steps: it has from 1 to 1099511627776", input_error);
  CHECK_THROWS_AS(check_schedule(paper{}, layout, -5, false), input_error);
}

TEST_CASE("whole blocks are found wherever they are scaled") {
  CHECK(scales_whole_block(in_second_stage{}, 100));
  CHECK(scales_whole_block(any_schedule(in_second_stage{}), 100));
  CHECK(!scales_whole_block(paper{}, 100));
}

TEST_CASE("the table of stages has steps, active blocks, FLOPs and which stages are full") {
  const auto table = stage_table(any_schedule("full for 100 then 6-8-10-12@1:1:1:3"), layout, 1'000);
  REQUIRE(table.size() == 5);
  const std::int64_t first[] = {0, 100, 250, 400, 550}, last[] = {99, 249, 399, 549, 999};
  const double blocks[] = {12, 6, 8, 10, 12};
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(table[i].first == first[i]);
    CHECK(table[i].last == last[i]);
    CHECK(table[i].steps() == last[i] - first[i] + 1);
    CHECK(table[i].mean_active_blocks == blocks[i]);
    CHECK(table[i].flops_share == blocks[i] / 12);
    CHECK(table[i].full == (blocks[i] == 12));
  }
}

TEST_CASE("the table of a schedule without stages is one row of means") {
  const auto table = stage_table(any_schedule(grow_evenly{}), layout, 100);
  REQUIRE(table.size() == 1);
  CHECK(table[0].last == 99);
  CHECK(table[0].mean_active_blocks == doctest::Approx(12 * block_flops_ratio(grow_evenly{}, layout, 100)));
  CHECK(!table[0].full);
}
