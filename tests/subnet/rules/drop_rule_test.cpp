// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <vector>

#include <raptr/subnet/rules/named_rule.hpp>
#include <raptr/subnet/rules/plan_writer.hpp>

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

TEST_CASE("amounts: counts and fractions that give whole numbers of units are taken as they are") {
  static_assert(amount(6).of(12, "layers") == 6 && amount(fraction(1, 2)).of(12, "layers") == 6 && amount{}.of(12, "layers") == 12);
  static_assert(amount(fraction(2, 5)).of(10, "layers") == 4 && amount(fraction(1, 10)).of(10, "layers") == 1);
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
                       "raptr: the drop of layers divides by the keep probability, which its selector does not provide: "
                       "add probability(unit, total, kept) to it",
                       input_error);
}

TEST_CASE("policies of values that do not fit an axis are refused with the reason, as those of types are") {
  const auto refused = [](auto make, const char* sentence) { CHECK_THROWS_WITH_AS(make(), sentence, input_error); };
  refused([] { return custom_rule(rule_of<width_slice>(), inverse{}); },
          "raptr: the drop of neurons divides by the keep probability, which its selector does not provide: "
          "add probability(unit, total, kept) to it");
  refused([] { return custom_rule(rule_of<layer_drop>(), once{}); }, "raptr: the drop of layers is always drawn once: leave `once` out");
  refused([] { return custom_rule(rule_of<sublayer_drop>(), once{}); }, "raptr: the drop of sublayers is always drawn once: leave `once` out");
  refused([] { return custom_rule(rule_of<head_drop>(), sqrt_gap{}); },
          "raptr: the drop of heads has a scale that measures the distance between kept blocks: use it on layers or sublayers");
  refused([] { return custom_rule(rule_of<sequence_drop>(), sqrt_gap{}); },
          "raptr: the drop of sequences has a scale that measures the distance between kept blocks: use it on layers or sublayers");
  refused([] { return custom_rule(rule_of<head_drop>(), inverse_per_branch{}); },
          "raptr: the drop of heads has a scale for the branches of a block: for the units inside a part use inverse or sqrt_inverse");
  refused([] { return custom_rule(rule_of<neuron_drop>(), completep_scale{0.5}); },
          "raptr: the drop of neurons has a scale for the branches of a block: for the units inside a part use inverse or sqrt_inverse");
  refused(
      [] {
        return custom_rule(rule_of<head_drop>(), exactly_selector{{1, 0}}, inverse{});
      },
      "raptr: the drop of heads divides by one keep probability for all units, but some are always kept: fix none, or leave the scale out");
  refused(
      [] {
        return custom_rule(rule_of<sequence_drop>(), sqrt_inverse{}, bernoulli_selector{{0, 2}});
      },
      "raptr: the drop of sequences divides by one keep probability for all units, but some are always kept: fix none, or leave the scale out");
  refused([] { return custom_rule(rule_of<layer_drop>(), linear_in_depth{}, exactly_selector{}); },
          "raptr: the drop of layers has a profile, which draws each unit independently: leave out the selector and the fixed units");
  CHECK_NOTHROW(custom_rule(rule_of<sublayer_drop>(), sqrt_gap{}, bernoulli_selector{{2, 2}}));
  CHECK_NOTHROW(custom_rule(rule_of<sequence_drop>(), completep_scale{0.5}, once{}));
  CHECK_NOTHROW(custom_rule(rule_of<head_drop>(), exactly_selector{{1, 0}}, once{}, linear_in_depth{}));
}

TEST_CASE("a custom rule on any axis draws what its types do") {
  const auto same = [](const custom_rule& values, const drop_rule& types) {
    for (std::uint64_t step = 0; step < 20; ++step) CHECK(written(values.rule(), step) == written(types, step));
  };
  same(custom_rule(rule_of<head_drop<keep<6>>>(), bernoulli_selector{}, inverse{}), rule_of<head_drop<keep<6>, inverse, bernoulli<>>>());
  same(custom_rule(rule_of<neuron_drop<keep<1, 2>>>(), once{}, sqrt_inverse{}), rule_of<neuron_drop<keep<1, 2>, sqrt_inverse, once>>());
  same(custom_rule(rule_of<head_drop<keep<3, 4>>>(), linear_in_depth{}), rule_of<head_drop<keep<3, 4>, linear_in_depth>>());
  same(custom_rule(rule_of<layer_drop<keep<9>>>(), linear_in_depth{}, inverse{}), rule_of<layer_drop<keep<9>, inverse, linear_in_depth>>());
  same(custom_rule(rule_of<sublayer_drop<keep<18>>>(), linear_from_first{}), rule_of<sublayer_drop<keep<18>, linear_from_first>>());
}

TEST_CASE("rules know whether they lie in depth and scale whole blocks") {
  static_assert(rule_of<layer_drop, inverse>().in_depth() && rule_of<sublayer_drop>().in_depth() && !rule_of<head_drop>().in_depth() &&
                !rule_of<sequence_drop>().in_depth());
  static_assert(rule_of<layer_drop, inverse>().scales_whole_block() && rule_of<sublayer_drop, inverse>().scales_whole_block() &&
                rule_of<sequence_drop, inverse>().scales_whole_block() && !rule_of<head_drop, inverse>().scales_whole_block() &&
                !rule_of<layer_drop, inverse_per_branch>().scales_whole_block());
  static_assert(rule_of<layer_drop, linear_in_depth>().select.by_depth.varies() && !rule_of<head_drop, linear_in_depth>().select.by_depth.varies() &&
                rule_of<head_drop, linear_in_depth>().profile.varies() && !rule_of<layer_drop, linear_in_depth>().profile.varies());
  static_assert(rule_of<head_drop, once>().once && !rule_of<head_drop>().once);
  const drop_rule one = rule_of<head_drop>(), other = rule_of<head_drop, once>(), third = rule_of<head_drop, linear_in_depth>();
  CHECK(!one.same_policies(other));
  CHECK(!one.same_policies(third));
  CHECK(one.same_policies(one.keeping(3)));
}

TEST_CASE("a selector that leaves the range is named with the numbers") {
  const custom_rule rule(rule_of<layer_drop<keep<3>>>(), chosen_by_hand{{0, 12}});
  CHECK_THROWS_WITH_AS(written(rule.rule()), "raptr: the selector of layers chose unit 12 of 12: units are 0 to 11", input_error);
}

TEST_CASE("a stage drops each axis once, and only so many of them") {
  stage_rule stage;
  stage.add(rule_of<head_drop<keep<6>>>());
  CHECK_THROWS_WITH_AS(stage.add(rule_of<head_drop<keep<3>>>()), "raptr: a stage has two drops on heads: only one is allowed per axis", input_error);
  stage.add(rule_of<width_slice<keep<96>>>());
  CHECK_THROWS_WITH_AS(stage.add(rule_of<neuron_drop<keep<96>>>()), "raptr: a stage has two drops on neurons: only one is allowed per axis",
                       input_error);
  constexpr std::string_view others[] = {"a", "b", "c", "d", "e", "f", "g"};
  drop_rule rule = rule_of<head_drop<keep<6>>>();
  for (int i = 0; i < 6; ++i) rule.axis = others[i], stage.add(rule);
  rule.axis = others[6];
  CHECK_THROWS_WITH_AS(stage.add(rule), "raptr: a stage has more than 8 drops", input_error);
  CHECK(stage.find("neurons")->name == "width");
  CHECK(stage.find("layers") == nullptr);
}

TEST_CASE("every name of a selector, a scale and a profile has its rule") {
  const auto same = [](const rule_names& names, const drop_rule& wanted) {
    const custom_rule rule = named_rule(rule_of<layer_drop>(), names);
    CHECK(written(rule.rule().keeping(6)) == written(wanted));
    CHECK(rule.rule().name == "layers");
  };
  same({}, rule_of<layer_drop<keep<6>>>());
  same({.scale = "unscaled"}, rule_of<layer_drop<keep<6>, unscaled>>());
  same({.scale = "sqrt_gap"}, rule_of<layer_drop<keep<6>, sqrt_gap>>());
  same({.scale = "sqrt_inverse"}, rule_of<layer_drop<keep<6>, sqrt_inverse>>());
  same({.scale = "inverse"}, rule_of<layer_drop<keep<6>, inverse>>());
  same({.scale = "inverse_per_branch"}, rule_of<layer_drop<keep<6>, inverse_per_branch>>());
  same({.scale = "completep", .exponent = 0.5}, rule_of<layer_drop<keep<6>, completep<1, 2>>>());
  same({.selector = "bernoulli"}, rule_of<layer_drop<keep<6>, bernoulli<both_ends>>>());
  same({.selector = "bernoulli", .scale = "sqrt_gap", .always = fixed{2, 0}}, rule_of<layer_drop<keep<6>, bernoulli<fixed{2, 0}>, sqrt_gap>>());
  same({.profile = "linear"}, rule_of<layer_drop<keep<6>, linear_in_depth>>());
  same({.profile = "linear_from_first"}, rule_of<layer_drop<keep<6>, linear_from_first>>());
}

TEST_CASE("wrong names, numbers and pairs are refused") {
  const auto refused = [](const drop_rule& base, const rule_names& names) { CHECK_THROWS_AS(named_rule(base, names), input_error); };
  refused(rule_of<layer_drop>(), {.selector = "coin"});
  refused(rule_of<layer_drop>(), {.scale = "gap"});
  refused(rule_of<layer_drop>(), {.profile = "steep"});
  refused(rule_of<layer_drop>(), {.always = fixed{-1, 0}});
  refused(rule_of<layer_drop>(), {.always = fixed{2'147'483'647, 1}});
  refused(rule_of<layer_drop>(), {.once = true});
  refused(rule_of<head_drop>(), {.scale = "sqrt_gap"});
  refused(rule_of<head_drop>(), {.scale = "inverse", .always = fixed{1, 0}});
  refused(rule_of<layer_drop>(), {.selector = "exactly", .profile = "linear"});
}
