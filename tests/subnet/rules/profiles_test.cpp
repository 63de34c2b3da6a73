// SPDX-License-Identifier: Apache-2.0
// What is kept over the depth: the formulas, their means, and what a draw makes of them on every axis.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <raptr/schedule/check.hpp>
#include <raptr/schedule/progressive.hpp>
#include <raptr/schedule/schedule.hpp>
#include <raptr/subnet/rules/drop.hpp>
#include <raptr/subnet/rules/plan_writer.hpp>

#include "example_block.hpp"

using namespace raptr;

namespace {

constexpr model_shape small{.layers = 6, .width = 48, .heads = 4, .neurons = 96, .neuron_group = 12, .context = 8};
constexpr int draws = 4'000;
const network_layout net = layout_of<example_block>(small, 10);
constexpr std::size_t attention = 0, mlp = 1;

stage_rule stage_of(const drop_rule& rule) {
  stage_rule stage;
  stage.add(rule);
  return stage;
}
/// Mean of count(plan, block) over many steps, for each block.
std::vector<double> means(const drop_rule& rule, auto count) {
  const stage_rule stage = stage_of(rule);
  std::vector<double> sums(6);
  step_plan plan(net);
  for (std::uint64_t step = 0; step < draws; ++step) {
    write_plan(plan, stage, {.seed = 9, .step = step});
    for (const block_plan& b : plan.blocks()) sums[static_cast<std::size_t>(b.block)] += count(b);
  }
  for (double& s : sums) s /= draws;
  return sums;
}
void near(const std::vector<double>& measured, auto expected, double variance) {
  for (std::size_t l = 0; l < measured.size(); ++l)
    CHECK(std::abs(measured[l] - expected(static_cast<int>(l))) < 5 * std::sqrt(variance / draws) + 1e-12);
}
void checked(const drop_rule& rule, const network_layout& layout = net) { check_rule(rule, layout); }

}  // namespace

TEST_CASE("linear_in_depth is 1 - c (l + 1), linear_from_first 1 - c l, and over all blocks the mean is what was asked for") {
  for (const int l : {0, 1, 2}) {
    CHECK(linear_in_depth{}.share(l, 3, 0.5) == (3 - l) / 4.0);
    CHECK(linear_from_first{}.share(l, 3, 0.75) == (4 - l) / 4.0);
  }
  for (const int layers : {1, 2, 3, 12, 24})
    for (const double mean : {0.5, 0.6, 0.75, 0.9, 1.0}) {
      double in_depth = 0, from_first = 0;
      for (int l = 0; l < layers; ++l) {
        in_depth += linear_in_depth{}.share(l, layers, mean) / layers, from_first += linear_from_first{}.share(l, layers, mean) / layers;
        if (l > 1) {  // draws of one size
          CHECK(linear_in_depth{}.share(l, layers, mean) - linear_in_depth{}.share(l - 1, layers, mean) ==
                doctest::Approx(linear_in_depth{}.share(1, layers, mean) - linear_in_depth{}.share(0, layers, mean)));
          CHECK(linear_from_first{}.share(l, layers, mean) - linear_from_first{}.share(l - 1, layers, mean) ==
                doctest::Approx(linear_from_first{}.share(1, layers, mean) - linear_from_first{}.share(0, layers, mean)));
        }
      }
      CHECK(in_depth == doctest::Approx(mean));
      CHECK(from_first == doctest::Approx(mean));
    }
}

TEST_CASE("a share outside 0 to 1 is refused with the block and the numbers, last bits apart") {
  struct almost_one {
    double share(int, int, double) const { return 1 + 1e-15; }
  };
  CHECK(share_in(almost_one{}, 0, 3, 1) == 1);
  CHECK(share_in(linear_in_depth{}, 2, 3, 1.0 / 3) >= 0);
  CHECK_THROWS_WITH_AS((void)share_in(linear_in_depth{}, 2, 3, 0.25),
                       "raptr: a profile with the mean 0.25 keeps the share -0.125 in block 2: shares are 0 to 1, so take a larger mean or "
                       "another profile",
                       input_error);
  const keep_profile above_one{{0.5, 1.5}};
  CHECK_THROWS_AS((void)share_in(above_one, 1, 2, 1), input_error);
}

TEST_CASE("on layers and sub-layers a profile gives every unit a coin with its probability") {
  near(
      means(rule_of<layer_drop<keep<2, 3>, linear_in_depth>>(), [](const block_plan&) { return 1; }), [](int l) { return 1 - 2.0 / 3 * (l + 1) / 7; },
      0.25);
  near(
      means(rule_of<layer_drop<keep<4>, linear_from_first>>(), [](const block_plan&) { return 1; }), [](int l) { return 1 - 2.0 / 3 * l / 5; }, 0.25);
  for (const std::size_t part : {attention, mlp})
    near(
        means(rule_of<sublayer_drop<keep<3, 4>, linear_in_depth>>(), [&](const block_plan& b) { return !b.parts()[part].units.empty(); }),
        [&](int l) { return 1 - 0.5 * (2 * l + static_cast<int>(part) + 1) / 13; }, 0.25);
}

TEST_CASE("the coins of a profile are independent") {
  const drop_rule rule = rule_of<layer_drop<keep<2, 3>, linear_in_depth>>();
  double both = 0;
  step_plan plan(net);
  for (std::uint64_t step = 0; step < draws; ++step) {
    write_plan(plan, stage_of(rule), {.seed = 9, .step = step});
    both += plan.has(2) && plan.has(4);
  }
  const double p = (1 - 2.0 / 7) * (1 - 10.0 / 21);
  CHECK(std::abs(both / draws - p) < 5 * std::sqrt(p * (1 - p) / draws));
}

TEST_CASE("inside a block a profile gives each block its share of units, rounded by a coin with the right mean") {
  const auto of_profile = [](int l) { return 1 - 0.5 * (l + 1) / 7; };
  near(
      means(rule_of<head_drop<keep<3, 4>, linear_in_depth>>(), [](const block_plan& b) { return b.parts()[attention].size(); }),
      [&](int l) { return 4 * of_profile(l); }, 0.25);
  near(
      means(rule_of<neuron_drop<keep<3, 4>, linear_in_depth>>(), [](const block_plan& b) { return b.parts()[mlp].size(); }),
      [&](int l) { return 8 * of_profile(l); }, 0.25);
  near(
      means(rule_of<width_slice<keep<3, 4>, linear_in_depth>>(), [](const block_plan& b) { return b.parts()[mlp].size(); }),
      [&](int l) { return 8 * of_profile(l); }, 0.25);
  near(
      means(rule_of<sequence_drop<keep<4, 5>, linear_from_first>>(),
            [](const block_plan& b) { return b.sequences.empty() ? 10.0 : static_cast<double>(b.sequences.size()); }),
      [](int l) { return 10 * (1 - 0.4 * l / 5); }, 0.25);
  near(
      means(rule_of<head_drop<keep<3, 4>, linear_in_depth, bernoulli<>>>(), [](const block_plan& b) { return b.parts()[attention].size(); }),
      [&](int l) { return 4 * of_profile(l); }, 1);
}

TEST_CASE("a profile inside a block keeps the nearest numbers only: exactly draws one of two") {
  const stage_rule stage = stage_of(rule_of<neuron_drop<keep<3, 4>, linear_in_depth>>());
  step_plan plan(net);
  for (std::uint64_t step = 0; step < 300; ++step) {
    write_plan(plan, stage, {.seed = 9, .step = step});
    for (const block_plan& b : plan.blocks()) REQUIRE(std::abs(b.parts()[mlp].size() - 8 * (1 - 0.5 * (b.block + 1) / 7)) < 1);
  }
}

TEST_CASE("a list of shares is a profile that brings its mean along") {
  const keep_profile shares{{1, 0.75, 0.5, 0.5, 0.25, 0}};
  CHECK(shares.mean().of(6, "layers") == doctest::Approx(3));
  const custom_rule heads(rule_of<head_drop>().keeping(shares.mean()), shares);
  checked(heads.rule());
  step_plan plan(net);
  write_plan(plan, stage_of(heads.rule()), {.seed = 9});
  for (const block_plan& b : plan.blocks()) CHECK(b.parts()[attention].size() == 4 * shares.keep[static_cast<std::size_t>(b.block)]);
  CHECK(plan.size() == 6);  // the mlp of block 5 is there

  const custom_rule layers(rule_of<layer_drop>().keeping(shares.mean()), shares);
  checked(layers.rule());
  near(
      means(layers.rule(), [](const block_plan&) { return 1; }), [&](int l) { return shares.keep[static_cast<std::size_t>(l)]; }, 0.25);
  const keep_profile nothing{{0, 0}};
  CHECK_THROWS_AS((void)keep_profile{}.mean(), input_error);
  CHECK_THROWS_AS((void)nothing.mean(), input_error);
}

TEST_CASE("full is full for a profile too, a list included") {
  const keep_profile shares{{1, 0.75, 0.5, 0.5, 0.25, 0}};
  const custom_rule heads(rule_of<head_drop>(), shares), layers(rule_of<layer_drop>(), shares), sequences(rule_of<sequence_drop>(), shares);
  for (const custom_rule* rule : {&heads, &layers, &sequences}) {
    step_plan plan(net);
    write_plan(plan, stage_of(rule->rule()), {.seed = 9});
    CHECK(plan == step_plan::full(net));
    checked(rule->rule());
    CHECK(block_flops(stage_of(rule->rule()), net).is_full());
  }
}

TEST_CASE("a list of the wrong length, or of another mean than the stage's, is refused with both numbers") {
  const keep_profile five{{1, 1, 1, 1, 0.5}}, six{{1, 1, 1, 0.75, 0.5, 0.25}};
  for (const drop_rule& base : {rule_of<head_drop>(), rule_of<layer_drop>(), rule_of<sequence_drop>()}) {
    const custom_rule wrong_length(base.keeping(amount::mean_share(0.9)), five);
    if (base.axis != "layers")
      CHECK_THROWS_WITH_AS(checked(wrong_length.rule()), "raptr: a profile has 5 shares, but the network has 6 blocks: give one share per block",
                           input_error);
    else
      CHECK_THROWS_AS(checked(wrong_length.rule()), input_error);
    const custom_rule wrong_mean(base.keeping(fraction(1, 2)), six);
    CHECK_THROWS_WITH_AS(
        checked(wrong_mean.rule()),
        ("raptr: the profile of " + std::string(base.axis) + " keeps a share of 0.75 on average, but the stage keeps 0.5: they must agree").c_str(),
        input_error);
  }
}

TEST_CASE("a schedule with a profile that leaves 0 to 1 is refused before its first step") {
  CHECK_THROWS_WITH_AS(check_schedule(constant<layer_drop<keep<1, 6>, linear_in_depth>>{}, net, 100, true),
                       "raptr: a profile with the mean 0.16666666666666666 keeps the share -0.19047619047619047 in block 4: shares are 0 to 1, so "
                       "take a larger mean or another profile",
                       input_error);
  CHECK_THROWS_AS(check_schedule(constant<head_drop<keep<1, 4>, linear_in_depth>>{}, net, 100, true), input_error);
  CHECK_THROWS_WITH_AS(check_schedule(constant<head_drop<keep<3, 4>, linear_from_first, exactly<fixed{3, 0}>>>{}, net, 100, true),
                       "raptr: a stage keeps 2.8 units where 3 are always kept (the first 3 and the last 0): keep at least 3, or fix fewer",
                       input_error);
  CHECK_NOTHROW(check_schedule(constant<head_drop<keep<1, 2>, linear_from_first>>{}, net, 100, true));
}

namespace {
template <int Num, int Den, template <class, class...> class Drop, class... Policies>
using two_stages = schedule<stage<share<1, 2>, Drop<keep<Num, Den>, Policies...>>, stage<share<1, 2>, full_network>>;
}

TEST_CASE("a type whose profile leaves 0 to 1 is not progressive, which the compiler answers without an exception") {
  static_assert(progressive<two_stages<2, 3, layer_drop, linear_in_depth>, example_block, small>);
  static_assert(!progressive<two_stages<1, 3, layer_drop, linear_in_depth>, example_block, small>);
  static_assert(progressive<two_stages<1, 2, layer_drop, linear_from_first>, example_block, small>);
  static_assert(!progressive<two_stages<1, 3, layer_drop, linear_from_first>, example_block, small>);
  static_assert(progressive<two_stages<3, 4, head_drop, linear_in_depth>, example_block, small>);
  static_assert(!progressive<two_stages<1, 4, head_drop, linear_in_depth>, example_block, small>);
  static_assert(!progressive<two_stages<1, 4, sublayer_drop, linear_from_first>, example_block, small>);
  CHECK(rule_of<layer_drop<keep<2, 3>, linear_in_depth>>().fits(6, 6));
  CHECK(!rule_of<layer_drop<keep<1, 3>, linear_in_depth>>().fits(6, 6));
  const custom_rule by_value(rule_of<head_drop<keep<1, 4>>>(), linear_from_first{}), coins(rule_of<layer_drop<keep<1, 3>>>(), linear_from_first{});
  CHECK(!by_value.rule().fits(4, 6));
  CHECK(by_value.rule().keeping(fraction(1, 2)).fits(4, 6));
  CHECK(!coins.rule().fits(6, 6));
  CHECK(coins.rule().keeping(fraction(1, 2)).fits(6, 6));
}
