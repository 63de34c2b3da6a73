// SPDX-License-Identifier: Apache-2.0
// What a schedule costs, whether it is progressive, whether it fits, and the table of its stages.
#include <doctest/doctest.h>

#include <vector>

#include <raptr/schedule/any_schedule.hpp>
#include <raptr/schedule/progressive.hpp>
#include <raptr/schedule/stage_table.hpp>

#include "two_attentions.hpp"

using namespace raptr;

namespace {

constexpr auto layout = layout_of<example_block>(bert_base);
using paper = equal_stages<layer_drop, 6, 8, 10, 12>;
using late = proportional_stages<layer_drop, 6, 8, 10, 12>;
using nine = constant<layer_drop<keep<9>>>;
using warm = then<lasting<steps<30'000>, full_network>, paper>;
using warm_share = then<lasting<share<1, 10>, full_network>, paper>;
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

// Every axis is a factor; half of the units of a part is half of that part.
static_assert(block_flops_ratio<constant<sublayer_drop<keep<18>>>, example_block>(bert_base) == 0.75);
static_assert(block_flops_ratio<constant<sequence_drop<keep<3, 4>>>, example_block>(bert_base) == 0.75);
static_assert(block_flops_ratio<constant<sublayer_drop<keep<18>>, sequence_drop<keep<3, 4>>>, example_block>(bert_base) == 0.5625);
static_assert(block_flops_ratio<constant<head_drop<keep<1, 2>>, neuron_drop<keep<1, 2>>>, example_block>(bert_base) == 0.5);
static_assert(block_flops_ratio<constant<layer_drop<keep<6>>, head_drop<keep<6>>, width_slice<keep<96>>>, example_block>(bert_base) == 0.25);
constexpr double attention_flops = 12 * example_attention::unit_flops(bert_base), mlp_flops = 192 * example_mlp::unit_flops(bert_base);
static_assert(block_flops_ratio<constant<head_drop<keep<3>>>, example_block>(bert_base) ==
              (attention_flops / 4 + mlp_flops) / (attention_flops + mlp_flops));
static_assert(block_flops_ratio<constant<neuron_drop<keep<48>>>, example_block>(bert_base) ==
              (attention_flops + mlp_flops / 4) / (attention_flops + mlp_flops));

template <class Drop> using then_full = schedule<stage<share<1, 2>, Drop>, stage<share<1, 2>, full_network>>;
static_assert(progressive<then_full<sublayer_drop<keep<12>>>, example_block, bert_base> &&
              progressive<then_full<head_drop<keep<12>>>, example_block, bert_base> &&
              progressive<then_full<neuron_drop<keep<1, 2>>>, example_block, bert_base> &&
              progressive<then_full<width_slice<keep<1, 192>>>, example_block, bert_base> &&
              progressive<then_full<sequence_drop<keep<1, 2>>>, example_block, bert_base> &&
              progressive<then_full<head_drop<keep<3, 4>, linear_in_depth>>, example_block, bert_base>);
static_assert(!progressive<then_full<head_drop<keep<13>>>, example_block, bert_base> &&
              !progressive<then_full<head_drop<keep<1, 5>>>, example_block, bert_base> &&
              !progressive<then_full<neuron_drop<keep<193>>>, example_block, bert_base> &&
              !progressive<then_full<sublayer_drop<keep<25>>>, example_block, bert_base> &&
              !progressive<then_full<sublayer_drop<keep<4>>>, example_block, model_shape{.layers = 1}> &&
              !progressive<then_full<expert_drop<keep<3>>>, example_block, bert_base> &&
              progressive<then_full<expert_drop<keep<3>>>, block_with_experts, bert_base>);
static_assert(!progressive<constant<head_drop<keep<6>>>, example_block, bert_base> &&
              !progressive<equal_stages<head_drop, 6, 3, 12>, example_block, bert_base> &&
              progressive<equal_stages<head_drop, 3, 6, 12>, example_block, bert_base>);
// One axis shrinks, but what trains does not.
static_assert(progressive<schedule<stage<share<1, 3>, layer_drop<keep<6>>, head_drop<keep<6>>>, stage<share<1, 3>, head_drop<keep<9>>>,
                                   stage<share<1, 3>, full_network>>,
                          example_block, bert_base>);
static_assert(scales_fit_norm<constant<head_drop<keep<6>, inverse>, neuron_drop<keep<96>, inverse>>, false>() &&
              !scales_fit_norm<constant<sublayer_drop<keep<12>, inverse>>, false>() &&
              !scales_fit_norm<constant<sequence_drop<keep<1, 2>, inverse>>, false>() &&
              scales_fit_norm<constant<sublayer_drop<keep<12>, inverse_per_branch>, sequence_drop<keep<1, 2>, sqrt_inverse>>, false>());

static_assert(progressive<paper, example_block, bert_base> && progressive<late, example_block, bert_base>);
static_assert(progressive<warm, example_block, bert_base> && progressive<warm_share, example_block, bert_base>);  // a full warm-up may come first
static_assert(progressive<full_network, example_block, bert_base>);
static_assert(!progressive<nine, example_block, bert_base>);                                      // ends with 9
static_assert(!progressive<paper, example_block, model_shape{.layers = 24}>);                     // ends with 12 of 24
static_assert(!progressive<paper, example_block, model_shape{.layers = 11}>);                     // 12 of 11
static_assert(!progressive<equal_stages<layer_drop, 8, 6, 12>, example_block, bert_base>);        // shrinks
static_assert(!progressive<then<lasting<share<1, 2>, paper>, paper>, example_block, bert_base>);  // shrinks in the middle
static_assert(subnet_schedule<require_progressive<paper, example_block, bert_base>>);
static_assert(scales_fit_norm<paper, false>() && scales_fit_norm<whole, true>() && !scales_fit_norm<whole, false>());
static_assert(scales_fit_norm<any_schedule, false>());  // nothing is known of it yet

/// Two query heads share a key and a value.
struct grouped_attention : example_attention {
  static constexpr int units(const model_shape& s) { return s.head_groups(); }
};
struct grouped_block {
  using parts = part_list<grouped_attention, example_mlp>;
};

/// Moves at every step.
struct grow_evenly {
  stage_rule at(const run_position& now) const {
    stage_rule rules;
    rules.add(rule_of<layer_drop>().keeping(2 + static_cast<int>((now.shape.layers - 1) * now.step / now.total)));
    return rules;
  }
};

constexpr model_shape small{.layers = 6, .width = 48, .heads = 4, .neurons = 96, .neuron_group = 12, .context = 8};

}  // namespace

TEST_CASE("the check finds on every axis what cannot be trained, with the numbers") {
  const network_layout net = layout_of<example_block>(small, 10);
  const auto refused = [&](const auto& schedule, const char* sentence) {
    CHECK_THROWS_WITH_AS(check_schedule(schedule, net, 100, true), sentence, input_error);
    CHECK(!fits_network(schedule, net, 100));
  };
  const char* const nine_neurons =
      "raptr: a stage must keep 1 to 8 of the 8 groups of 12 neurons, which are kept or dropped together: give a number of groups, or a share that "
      "is a "
      "whole number of them";
  refused(constant<head_drop<keep<5>>>{}, "raptr: a stage keeps 5 of 4 heads: keep between 1 and 4");
  refused(constant<neuron_drop<keep<9>>>{}, nine_neurons);
  refused(constant<width_slice<keep<9>>>{}, nine_neurons);
  refused(constant<sublayer_drop<keep<13>>>{}, "raptr: a stage keeps 13 of 12 sublayers: keep between 1 and 12");
  refused(constant<sequence_drop<keep<11>>>{}, "raptr: a stage keeps 11 of 10 sequences: keep between 1 and 10");
  refused(constant<head_drop<keep<1, 3>>>{}, "raptr: a stage keeps 1/3 of 4 heads, which is not a whole number: the nearest are 1/4 and 2/4");
  refused(constant<sublayer_drop<keep<3, 5>>>{},
          "raptr: a stage keeps 3/5 of 12 sublayers, which is not a whole number: the nearest are 7/12 and 8/12");
  refused(constant<sequence_drop<keep<3, 4>>>{},
          "raptr: a stage keeps 3/4 of 10 sequences, which is not a whole number: the nearest are 7/10 and 8/10");
  refused(constant<sublayer_drop<keep<1, 4>>>{},
          "raptr: a stage keeps 3 units where 4 are always kept (the first 2 and the last 2): keep at least 4, or fix fewer");
  refused(constant<head_drop<keep<1, 4>, exactly<fixed{2, 0}>>>{},
          "raptr: a stage keeps 1 units where 2 are always kept (the first 2 and the last 0): keep at least 2, or fix fewer");
  CHECK_THROWS_WITH_AS(check_schedule(constant<expert_drop<keep<2>>>{}, net, 100, true),
                       "raptr: the schedule drops experts, which this network does not have: it has layers, sublayers, sequences, heads, neurons",
                       input_error);
  CHECK(!fits_network(constant<expert_drop<keep<2>>>{}, net, 100));
  for (const bool norm_first : {false, true})
    CHECK_NOTHROW(
        check_schedule(constant<head_drop<keep<2>, inverse>, neuron_drop<keep<1, 2>, linear_in_depth, inverse>, sublayer_drop<keep<8>, sqrt_gap>,
                                layer_drop<keep<3>, inverse_per_branch>, sequence_drop<keep<1, 2>, sqrt_inverse>>{},
                       net, 100, norm_first));
}

TEST_CASE("heads that share keys and values are counted by groups, and errors say so") {
  model_shape grouped = small;
  grouped.kv_heads = 2;
  const network_layout net = layout_of<grouped_block>(grouped);
  const char* const two_groups =
      "raptr: a stage must keep 1 to 2 of the 2 groups of 2 heads, which are kept or dropped together: give a number of groups, or a share that is a "
      "whole number of them";
  CHECK_THROWS_WITH_AS(check_schedule(constant<head_drop<keep<3>>>{}, net, 100, true), two_groups, input_error);
  CHECK_THROWS_WITH_AS(check_schedule(constant<head_drop<keep<1, 4>>>{}, net, 100, true), two_groups, input_error);
  CHECK_NOTHROW(check_schedule(constant<head_drop<keep<1, 2>>>{}, net, 100, true));
}

TEST_CASE("every part that names an axis is checked, not only the first") {
  const network_layout net = layout_of<wide_then_narrow>({.layers = 2, .width = 48, .heads = 4});
  CHECK_THROWS_WITH_AS(check_schedule(constant<head_drop<keep<3>>>{}, net, 10, true), "raptr: a stage keeps 3 of 2 heads: keep between 1 and 2",
                       input_error);
  CHECK(!fits_network(constant<head_drop<keep<3>>>{}, net, 10));
  CHECK(fits_network(constant<head_drop<keep<1, 2>>>{}, net, 10));
  CHECK_NOTHROW(check_schedule(constant<head_drop<keep<1, 2>>>{}, net, 10, true));
}

TEST_CASE("on a post-norm block inverse is refused on layers, sub-layers and sequences, with the step, and allowed inside a part") {
  const network_layout net = layout_of<example_block>(small, 10);
  const auto refused = [&](const auto& schedule, const char* step) {
    CHECK_NOTHROW(check_schedule(schedule, net, 100, true));
    CHECK_THROWS_WITH_AS(check_schedule(schedule, net, 100, false),
                         ("raptr: this schedule scales whole blocks (inverse) at step " + std::string(step) +
                          ", which is not defined for a post-norm block: use inverse_per_branch or a pre-norm block")
                             .c_str(),
                         input_error);
    CHECK(scales_whole_block(schedule, 100));
  };
  refused(constant<sublayer_drop<keep<8>, inverse>>{}, "0");
  refused(constant<sequence_drop<keep<1, 2>, inverse>>{}, "0");
  refused(schedule<stage<share<1, 2>, head_drop<keep<2>>>, stage<share<1, 2>, head_drop<keep<2>>, layer_drop<keep<3>, inverse>>>{}, "50");
  CHECK(!scales_whole_block(constant<head_drop<keep<2>, inverse>, neuron_drop<keep<4>, inverse>>{}, 100));
  CHECK_NOTHROW(check_schedule(constant<head_drop<keep<2>, inverse>, neuron_drop<keep<4>, inverse>>{}, net, 100, false));
}

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
  CHECK_THROWS_WITH_AS(check_schedule(in_second_stage{}, layout, 100, false),
                       "raptr: this schedule scales whole blocks (inverse) at step 25, which is not defined for a post-norm block: "
                       "use inverse_per_branch or a pre-norm block",
                       input_error);
  CHECK_THROWS_AS(check_schedule(any_schedule(in_second_stage{}), layout, 100, false), input_error);
  CHECK_THROWS_AS(check_schedule(warm{}, layout, 30'000, false), input_error);
  CHECK_THROWS_WITH_AS(check_schedule(paper{}, layout, 0, false), "raptr: a run has 0 steps: give a number from 1 to 1099511627776", input_error);
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
    CHECK(table[i].mean_active_blocks() == blocks[i]);
    CHECK(table[i].flops_share == blocks[i] / 12);
    CHECK(table[i].full == (blocks[i] == 12));
  }
}

TEST_CASE("the table of a schedule without stages is one row of means") {
  const auto table = stage_table(any_schedule(grow_evenly{}), layout, 100);
  REQUIRE(table.size() == 1);
  CHECK(table[0].last == 99);
  CHECK(table[0].mean_active_blocks() == doctest::Approx(12 * block_flops_ratio(grow_evenly{}, layout, 100)));
  CHECK(!table[0].full);
}

TEST_CASE("the table counts the units of an axis in all parts that have it") {
  using growing = schedule<stage<share<1, 2>, head_drop<keep<1, 2>>>, stage<share<1, 2>, full_network>>;
  const auto table = stage_table(growing{}, layout_of<wide_then_narrow>(small), 100);  // 4 and 2 heads
  REQUIRE(table.size() == 2);
  CHECK(table[0].axes[1].kept == 3);
  CHECK(table[1].axes[1].kept == 6);
  CHECK(table[1].axes[1].total == 6);
}

TEST_CASE("the table has a column for every axis that any stage drops, layers first") {
  using growing = schedule<stage<share<1, 2>, head_drop<keep<1, 2>>, sequence_drop<keep<2, 5>>, neuron_drop<keep<3, 4>, linear_in_depth>>,
                           stage<share<1, 4>, sublayer_drop<keep<8>>, head_drop<keep<3>>>, stage<share<1, 4>, full_network>>;
  const network_layout net = layout_of<example_block>(small, 10);
  const auto table = stage_table(growing{}, net, 100);
  REQUIRE(table.size() == 3);
  const std::vector<std::string_view> axes{"layers", "heads", "sequences", "neurons", "sublayers"};
  const std::vector<double> totals{6, 4, 10, 8, 12}, kept[3] = {{6, 2, 4, 6, 12}, {6, 3, 10, 8, 8}, totals};
  for (std::size_t row = 0; row < 3; ++row) {
    REQUIRE(table[row].axes.size() == 5);
    for (std::size_t i = 0; i < 5; ++i) {
      CHECK(table[row].axes[i].axis == axes[i]);
      CHECK(table[row].axes[i].total == totals[i]);
      CHECK(table[row].axes[i].kept == doctest::Approx(kept[row][i]));
    }
    CHECK(table[row].mean_active_blocks() == doctest::Approx(6));
    CHECK(table[row].full == (row == 2));
  }
  const flops first = block_flops(growing{}.list[0], net);
  CHECK(table[0].flops_share == doctest::Approx(first.active / first.full));
}
