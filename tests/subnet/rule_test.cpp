// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <vector>

#include <raptr/subnet/named_rule.hpp>
#include <raptr/subnet/plan_writer.hpp>

#include "example_block.hpp"

using namespace raptr;

namespace {

constexpr auto layout = layout_of<example_block>(bert_base);

step_plan written(const drop_rule& rule, std::uint64_t step = 3) {
  stage_rule stage;
  stage.add(rule);
  step_plan plan(layout);
  write_plan(plan, stage, {.seed = 1, .step = step});
  return plan;
}

/// Keeps the units that an object was told, whatever is asked.
struct chosen_by_hand {
  unit_set units;
  unit_set operator()(int, int, draw_key) const { return units; }
};

}  // namespace

TEST_CASE("amounts: counts are taken as they are, fractions to the nearest unit and at least one") {
  static_assert(amount(6).of(12, "layers") == 6 && amount(fraction(1, 2)).of(12, "layers") == 6 && amount{}.of(12, "layers") == 12);
  static_assert(amount(fraction(1, 3)).of(10, "layers") == 3 && amount(fraction(1, 4)).of(10, "layers") == 3 &&
                amount(fraction(1, 100)).of(10, "layers") == 1);
  CHECK_THROWS_WITH_AS((void)amount(13).of(12, "layers"), "raptr: a stage keeps 13 of 12 layers: keep between 1 and 12", input_error);
  CHECK_THROWS_AS((void)amount(0).of(12, "layers"), input_error);
  CHECK(amount(8).exceeds(6));
  CHECK(!amount(6).exceeds(6));
  CHECK(amount{}.exceeds(100));
  CHECK(!amount(100).exceeds(amount{}));
  CHECK(amount(fraction(3, 4)).exceeds(fraction(1, 2)));
  CHECK(!amount(fraction(3, 4)).exceeds(6));
}

TEST_CASE("policies of a drop may come in any order") {
  constexpr auto one = rule_of<layer_drop<keep<6>, sqrt_gap, bernoulli<both_ends>>>(),
                 other = rule_of<layer_drop<keep<6>, bernoulli<both_ends>, sqrt_gap>>();
  CHECK(one.same_policies(other));
  CHECK(written(one) == written(other));
  CHECK(!one.same_policies(rule_of<layer_drop<keep<6>>>()));
  CHECK(!one.same_policies(rule_of<layer_drop<keep<6>, sqrt_gap>>()));
  CHECK(!one.same_policies(rule_of<layer_drop<keep<6>, bernoulli<both_ends>>>()));
}

TEST_CASE("a drop without policies keeps exactly so many, the first and the last always, unscaled") {
  CHECK(written(rule_of<layer_drop<keep<6>>>()) == written(rule_of<layer_drop<keep<6>, exactly<fixed{.first = 1, .last = 1}>, unscaled>>()));
}

TEST_CASE("a custom rule holds policies that are values") {
  const custom_rule values(rule_of<layer_drop<keep<6>>>(), exactly_selector{{.first = 2, .last = 1}}, inverse{});
  CHECK(written(values.rule()) == written(rule_of<layer_drop<keep<6>, exactly<fixed{.first = 2, .last = 1}>, inverse>>()));
  CHECK(values.rule().scale.whole_block);

  const custom_rule by_hand(rule_of<layer_drop<keep<3>>>(), chosen_by_hand{{2, 5, 7}});
  const custom_rule copy = by_hand;
  CHECK(written(copy.rule()) == step_plan::of_blocks(layout, {2, 5, 7}));
}

TEST_CASE("a selector may be a lambda that knows something") {
  const std::vector<int> wanted{3, 4, 5};
  const custom_rule rule(rule_of<layer_drop<keep<3>>>(), [wanted](int, int, draw_key) {
    unit_set set;
    for (const int unit : wanted) set.add(unit);
    return set;
  });
  CHECK(written(rule.rule()) == step_plan::of_blocks(layout, {3, 4, 5}));
}

TEST_CASE("a scale that needs a probability is refused with a selector that does not tell it") {
  CHECK_THROWS_WITH_AS(custom_rule(rule_of<layer_drop<keep<3>>>(), chosen_by_hand{}, inverse{}),
                       "raptr: the scale of layers divides by the keep probability, which the selector does not tell: "
                       "add probability(unit, total, kept) to it",
                       input_error);
}

TEST_CASE("a selector that leaves the range is named with the numbers") {
  const custom_rule rule(rule_of<layer_drop<keep<3>>>(), chosen_by_hand{{0, 12}});
  CHECK_THROWS_WITH_AS(written(rule.rule()), "raptr: the selector of layers chose unit 12 of 12: units are 0 to 11", input_error);
}

TEST_CASE("a network drops layers only, and each axis once") {
  drop_rule heads = rule_of<layer_drop<keep<6>>>();
  heads.axis = "heads";
  CHECK_THROWS_WITH_AS(written(heads), "raptr: the schedule drops heads, which this network cannot: it drops layers", input_error);
  stage_rule stage;
  stage.add(heads);
  CHECK_THROWS_WITH_AS(stage.add(heads), "raptr: a stage has two drops of heads: one is possible", input_error);
}

TEST_CASE("every name of a selector and a scale has its rule") {
  const auto same = [](const rule_names& names, const drop_rule& wanted) {
    const custom_rule rule = named_rule(names);
    CHECK(written(rule.rule().keeping(6)) == written(wanted));
    CHECK(rule.rule().name == "layers");
  };
  same({.scale = "unscaled"}, rule_of<layer_drop<keep<6>, unscaled>>());
  same({.scale = "sqrt_gap"}, rule_of<layer_drop<keep<6>, sqrt_gap>>());
  same({.scale = "sqrt_inverse"}, rule_of<layer_drop<keep<6>, sqrt_inverse>>());
  same({.scale = "inverse"}, rule_of<layer_drop<keep<6>, inverse>>());
  same({.scale = "inverse_per_branch"}, rule_of<layer_drop<keep<6>, inverse_per_branch>>());
  same({.selector = "bernoulli"}, rule_of<layer_drop<keep<6>, bernoulli<both_ends>>>());
  same({.selector = "bernoulli", .scale = "sqrt_gap", .always = {2, 0}}, rule_of<layer_drop<keep<6>, bernoulli<fixed{2, 0}>, sqrt_gap>>());
  for (const auto selector : selector_names)
    for (const auto scale : scale_names) CHECK_NOTHROW(named_rule({.selector = selector, .scale = scale}));
}

TEST_CASE("wrong names and numbers are refused with what is allowed") {
  CHECK_THROWS_WITH_AS(named_rule({.selector = "coin"}), "raptr: unknown selector \"coin\": it is one of exactly, bernoulli", input_error);
  CHECK_THROWS_WITH_AS(named_rule({.scale = "gap"}),
                       "raptr: unknown scale \"gap\": it is one of unscaled, sqrt_gap, sqrt_inverse, inverse, inverse_per_branch", input_error);
  CHECK_THROWS_AS(named_rule({.always = {-1, 0}}), input_error);
  CHECK_THROWS_AS(named_rule({.always = {2'147'483'647, 1}}), input_error);
}
