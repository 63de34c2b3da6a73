// SPDX-License-Identifier: Apache-2.0
// Every axis: how much of it is kept, where, how often, and that a draw of one axis, block or part shifts no other.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>
#include <vector>

#include <raptr/subnet/rules/drop.hpp>
#include <raptr/subnet/rules/plan_writer.hpp>

#include "example_block.hpp"
#include "two_attentions.hpp"

using namespace raptr;

namespace {

constexpr model_shape small{.layers = 6, .width = 48, .heads = 4, .neurons = 96, .neuron_group = 12, .context = 8};
constexpr int batch = 10;
const network_layout net = layout_of<example_block>(small, batch);
constexpr std::size_t attention = 0, mlp = 1;

template <class... Rules> stage_rule stage_of(const Rules&... rules) {
  stage_rule stage;
  (stage.add(rules), ...);
  return stage;
}
step_plan drawn(const stage_rule& stage, std::uint64_t step = 0, const network_layout& layout = net, std::uint64_t seed = 3) {
  step_plan plan(layout);
  write_plan(plan, stage, {.seed = seed, .step = step});
  plan.check();
  return plan;
}
std::vector<int> units_of(const part_plan& part) {
  std::vector<int> units;
  for (const unit_range& r : part.units)
    for (int unit = r.first; unit < r.first + r.count; ++unit) units.push_back(unit);
  return units;
}
std::vector<int> sequences_of(const block_plan& b) {
  std::vector<int> all(batch);
  for (int i = 0; i < batch; ++i) all[static_cast<std::size_t>(i)] = i;
  return b.sequences.empty() ? all : b.sequences;
}
/// The units of an axis that a plan keeps, numbered through the network; a group holds those that are drawn together.
using unit_groups = std::map<int, std::vector<int>>;
unit_groups kept_of(const step_plan& plan, std::string_view axis) {
  unit_groups groups;
  for (const block_plan& b : plan.blocks()) {
    if (axis == "layers") groups[0].push_back(b.block);
    if (axis == "sequences") groups[b.block] = sequences_of(b);
    for (std::size_t p = 0; p < b.parts().size(); ++p) {
      if (axis == "sublayers" && !b.parts()[p].units.empty()) groups[0].push_back(b.block * 2 + static_cast<int>(p));
      if (axis == net.parts()[p].axis) groups[b.block] = units_of(b.parts()[p]);
    }
  }
  return groups;
}

struct axis_case {
  drop_rule rule;
  int groups, total;
};
/// Each axis with nothing fixed.
std::vector<axis_case> all_axes() {
  return {{rule_of<layer_drop, exactly<>>(), 1, 6},
          {rule_of<sublayer_drop, exactly<>>(), 1, 12},
          {rule_of<head_drop>(), 6, 4},
          {rule_of<neuron_drop>(), 6, 8},
          {rule_of<sequence_drop>(), 6, batch}};
}
std::vector<axis_case> all_axes_by_coins() {
  return {{rule_of<layer_drop, bernoulli<>>(), 1, 6},
          {rule_of<sublayer_drop, bernoulli<>>(), 1, 12},
          {rule_of<head_drop, bernoulli<>>(), 6, 4},
          {rule_of<neuron_drop, bernoulli<>>(), 6, 8},
          {rule_of<sequence_drop, bernoulli<>>(), 6, batch}};
}
/// Over many steps each unit of each group is kept with this probability; the sizes have this mean.
void keeps_evenly(const axis_case& c, const drop_rule& rule, double share, int steps = 3'000) {
  CAPTURE(rule.axis);
  const stage_rule stage = stage_of(rule);
  std::map<int, std::vector<int>> seen;
  for (int g = 0; g < c.groups; ++g) seen[g].assign(static_cast<std::size_t>(c.total), 0);
  for (int step = 0; step < steps; ++step)
    for (const auto& [group, units] : kept_of(drawn(stage, static_cast<std::uint64_t>(step)), rule.axis))
      for (const int unit : units) ++seen[group][static_cast<std::size_t>(unit)];
  const double bound = 5 * std::sqrt(share * (1 - share) / steps);
  for (const auto& [group, counts] : seen)
    for (const int count : counts) CHECK(std::abs(double(count) / steps - share) <= bound);
}

}  // namespace

TEST_CASE("every axis keeps as many units as a count says, in every block") {
  for (const axis_case& c : all_axes())
    for (int count = 1; count <= c.total; ++count)
      for (std::uint64_t step = 0; step < 20; ++step) {
        const unit_groups kept = kept_of(drawn(stage_of(c.rule.keeping(count)), step), c.rule.axis);
        REQUIRE(kept.size() == static_cast<std::size_t>(c.groups));
        for (const auto& [group, units] : kept) REQUIRE(units.size() == static_cast<std::size_t>(count));
      }
}

TEST_CASE("a fraction keeps the same units as the count that it is") {
  for (const axis_case& c : all_axes())
    for (std::uint64_t step = 0; step < 20; ++step)
      CHECK(drawn(stage_of(c.rule.keeping(fraction(1, 2))), step) == drawn(stage_of(c.rule.keeping(c.total / 2)), step));
}

TEST_CASE("a mean share keeps one of the two nearest numbers, the right one on average, in every block by a coin of its own") {
  constexpr int steps = 2'000;
  for (const axis_case& c : all_axes()) {
    CAPTURE(c.rule.axis);
    const double share = 0.5 + 0.3 / c.total;  // so many, and in 30 of 100 draws one more
    const int few = c.total / 2;
    const stage_rule stage = stage_of(c.rule.keeping(amount::mean_share(share)));
    std::map<int, int> more;
    int different = 0;
    for (std::uint64_t step = 0; step < steps; ++step) {
      std::set<std::size_t> sizes;
      for (const auto& [group, units] : kept_of(drawn(stage, step), c.rule.axis)) {
        const int size = static_cast<int>(units.size());
        REQUIRE((size == few || size == few + 1));
        more[group] += size - few, sizes.insert(units.size());
      }
      different += sizes.size() == 2;
    }
    for (const auto& [group, n] : more) CHECK(std::abs(n / double(steps) - 0.3) < 5 * std::sqrt(0.3 * 0.7 / steps));
    if (c.groups > 1) CHECK(different > steps / 2);
  }
}

TEST_CASE("exactly keeps every unit of every axis equally often") {
  for (const axis_case& c : all_axes()) keeps_evenly(c, c.rule.keeping(fraction(1, 2)), 0.5);
}

TEST_CASE("coins keep every unit of every axis with their probability") {
  for (const axis_case& c : all_axes_by_coins()) keeps_evenly(c, c.rule.keeping(fraction(1, 2)), 0.5);
}

TEST_CASE("a mean share keeps every unit of every axis with that probability") {
  for (const axis_case& c : all_axes()) keeps_evenly(c, c.rule.keeping(amount::mean_share(0.58)), 0.58);
  for (const axis_case& c : all_axes_by_coins()) keeps_evenly(c, c.rule.keeping(amount::mean_share(0.33)), 0.33);
}

TEST_CASE("all axes together keep what each keeps alone") {
  const std::vector<axis_case> axes = all_axes();
  const stage_rule together =
      stage_of(axes[0].rule.keeping(3), axes[1].rule.keeping(8), axes[2].rule.keeping(2), axes[3].rule.keeping(3), axes[4].rule.keeping(7));
  for (std::uint64_t step = 0; step < 200; ++step) {
    const step_plan plan = drawn(together, step);
    const unit_groups blocks = kept_of(drawn(stage_of(axes[0].rule.keeping(3)), step), "layers"),
                      sub = kept_of(drawn(stage_of(axes[1].rule.keeping(8)), step), "sublayers"),
                      heads = kept_of(drawn(stage_of(axes[2].rule.keeping(2)), step), "heads"),
                      neurons = kept_of(drawn(stage_of(axes[3].rule.keeping(3)), step), "neurons"),
                      sequences = kept_of(drawn(stage_of(axes[4].rule.keeping(7)), step), "sequences");
    const unit_set kept_blocks = [&] {
      unit_set set;
      for (const int b : blocks.at(0)) set.add(b);
      return set;
    }();
    for (int block = 0; block < 6; ++block) {
      const auto on = [&](int part) { return std::count(sub.at(0).begin(), sub.at(0).end(), block * 2 + part) > 0; };
      REQUIRE(plan.has(block) == (kept_blocks.has(block) && (on(0) || on(1))));
      if (!plan.has(block)) continue;
      const block_plan& b = plan.block(block);
      CHECK(b.sequences == sequences.at(block));
      CHECK(units_of(b.parts()[attention]) == (on(0) ? heads.at(block) : std::vector<int>{}));
      CHECK(units_of(b.parts()[mlp]) == (on(1) ? neurons.at(block) : std::vector<int>{}));
    }
  }
}

TEST_CASE("equal keys, equal plans; another step or seed, another plan") {
  for (const axis_case& c : all_axes()) {
    const stage_rule stage = stage_of(c.rule.keeping(fraction(1, 2)));
    int by_step = 0, by_seed = 0;
    for (std::uint64_t step = 0; step < 50; ++step) {
      REQUIRE(drawn(stage, step) == drawn(stage, step));
      by_step += drawn(stage, step) == drawn(stage, step + 1);
      by_seed += drawn(stage, step) == drawn(stage, step, net, 4);
    }
    CHECK(by_step < 15);
    CHECK(by_seed < 15);
  }
}

TEST_CASE("a plan leaves nothing behind for the next one") {
  step_plan plan(net);
  for (const axis_case& c : all_axes()) {
    write_plan(plan, stage_of(c.rule.keeping(fraction(1, 2))), {.seed = 3, .step = 5});
    CHECK(plan == drawn(stage_of(c.rule.keeping(fraction(1, 2))), 5));
  }
  write_plan(plan, {}, {.seed = 3});
  CHECK(plan == step_plan::full(net));
}

TEST_CASE("full is the full network on every axis, whatever the selector, also on a network of one block") {
  const network_layout one = layout_of<example_block>({.layers = 1, .width = 48, .heads = 4, .neurons = 96, .neuron_group = 12}, 1);
  for (const drop_rule& rule : {rule_of<layer_drop, inverse>(), rule_of<sublayer_drop, inverse_per_branch>(), rule_of<head_drop, inverse>(),
                                rule_of<width_slice>(), rule_of<sequence_drop, bernoulli<>, completep<>>()}) {
    CHECK(drawn(stage_of(rule)) == step_plan::full(net));
    CHECK(drawn(stage_of(rule), 0, one) == step_plan::full(one));
    CHECK(drawn(stage_of(rule.keeping(amount::mean_share(1)))) == step_plan::full(net));
  }
}

TEST_CASE("heads, neurons and sequences differ from block to block; drawn once they are the same") {
  const auto differ = [](const drop_rule& rule) {
    int equal = 0;
    for (std::uint64_t step = 0; step < 200; ++step) {
      const unit_groups kept = kept_of(drawn(stage_of(rule.keeping(fraction(1, 2))), step), rule.axis);
      for (int block = 1; block < 6; ++block) equal += kept.at(block) == kept.at(block - 1);
    }
    return 1'000 - equal;
  };
  CHECK(differ(rule_of<head_drop>()) > 700);  // 1 of 6 sets agrees by chance
  CHECK(differ(rule_of<neuron_drop>()) > 950);
  CHECK(differ(rule_of<sequence_drop>()) > 970);
  CHECK(differ(rule_of<head_drop, once>()) == 0);
  CHECK(differ(rule_of<neuron_drop, once>()) == 0);
  CHECK(differ(rule_of<sequence_drop, once>()) == 0);
}

TEST_CASE("what is drawn once still changes from step to step, and keeps every unit equally often") {
  const std::vector<axis_case> axes{
      {rule_of<head_drop, once>(), 6, 4}, {rule_of<neuron_drop, once>(), 6, 8}, {rule_of<sequence_drop, once>(), 6, batch}};
  for (const axis_case& c : axes) keeps_evenly(c, c.rule.keeping(fraction(1, 2)), 0.5);
}

TEST_CASE("a mean share that is drawn once rounds to the same number in every block") {
  for (std::uint64_t step = 0; step < 200; ++step) {
    const unit_groups kept = kept_of(drawn(stage_of(rule_of<head_drop, once>().keeping(amount::mean_share(0.6))), step), "heads");
    for (const auto& [block, units] : kept) REQUIRE(units == kept.at(0));
  }
}

TEST_CASE("axes of as many units draw by themselves") {
  const network_layout eight = layout_of<example_block>({.layers = 8, .width = 48, .heads = 8, .neurons = 96, .neuron_group = 12}, 8);
  const stage_rule stage = stage_of(rule_of<head_drop<keep<1, 2>>>(), rule_of<neuron_drop<keep<1, 2>>>(), rule_of<sequence_drop<keep<1, 2>>>());
  int equal = 0;
  for (std::uint64_t step = 0; step < 100; ++step)
    for (const step_plan plan = drawn(stage, step, eight); const block_plan& b : plan.blocks()) {
      const std::vector<int> heads = units_of(b.parts()[attention]), neurons = units_of(b.parts()[mlp]);
      equal += (heads == neurons) + (heads == b.sequences) + (neurons == b.sequences);
    }
  CHECK(equal < 100);  // of 2,400; 1 of 70 sets agrees by chance
}

TEST_CASE("two parts with the same axis draw by themselves, also once") {
  const network_layout two = layout_of<two_attentions>({.layers = 4, .width = 64, .heads = 8});
  for (const bool once : {false, true}) {
    drop_rule rule = rule_of<head_drop<keep<1, 2>>>();
    rule.once = once;
    int equal = 0;
    for (std::uint64_t step = 0; step < 100; ++step)
      for (const step_plan plan = drawn(stage_of(rule), step, two); const block_plan& b : plan.blocks()) {
        REQUIRE(b.parts()[0].size() == 4);
        REQUIRE(b.parts()[1].size() == 4);
        REQUIRE(b.parts()[2].size() == 16);
        equal += b.parts()[0].units == b.parts()[1].units;
      }
    CHECK(equal < 40);  // of 400; 1 of 70 sets agrees by chance
  }
}

TEST_CASE("units of a part are ranges that ascend and do not touch, and together what was drawn") {
  const std::set<std::vector<std::pair<int, int>>> forms = [] {
    std::set<std::vector<std::pair<int, int>>> seen;
    for (std::uint64_t step = 0; step < 200; ++step)
      for (const step_plan plan = drawn(stage_of(rule_of<head_drop<keep<2>>>()), step); const block_plan& b : plan.blocks()) {
        std::vector<std::pair<int, int>> form;
        for (const unit_range& r : b.parts()[attention].units) form.push_back({r.first, r.count});
        seen.insert(form);
      }
    return seen;
  }();
  using ranges = std::vector<std::pair<int, int>>;
  CHECK(forms == std::set<ranges>{{{0, 2}}, {{1, 2}}, {{2, 2}}, {{0, 1}, {2, 1}}, {{0, 1}, {3, 1}}, {{1, 1}, {3, 1}}});
}

TEST_CASE("sub-layers are numbered as they run: attention of block 0, mlp of block 0, attention of block 1") {
  struct by_hand {
    unit_set units;
    unit_set operator()(int, int, draw_key) const { return units; }
  };
  const auto plan_of = [](const unit_set& units) {
    const custom_rule rule(rule_of<sublayer_drop<keep<4>>>(), by_hand{units});
    return drawn(stage_of(rule.rule()));
  };
  const step_plan plan = plan_of({0, 3, 6, 7});
  REQUIRE(plan.size() == 3);
  CHECK(plan.block(0).parts()[attention].size() == 4);
  CHECK(plan.block(0).parts()[mlp].units.empty());
  CHECK(plan.block(1).parts()[attention].units.empty());
  CHECK(plan.block(1).parts()[mlp].size() == 8);
  CHECK(plan.block(3).parts()[attention].size() == 4);
  CHECK(plan.block(3).parts()[mlp].size() == 8);
}

TEST_CASE("sub-layers keep attention while mlp is dropped and the other way round; the first and the last block stay whole") {
  int only_attention = 0, only_mlp = 0, neither = 0;
  for (std::uint64_t step = 0; step < 300; ++step) {
    const step_plan plan = drawn(stage_of(rule_of<sublayer_drop<keep<8>>>()), step);
    int kept = 0;
    for (int block = 0; block < 6; ++block) {
      const bool has = plan.has(block), first = has && !plan.block(block).parts()[attention].units.empty(),
                 second = has && !plan.block(block).parts()[mlp].units.empty();
      kept += first + second, only_attention += first && !second, only_mlp += second && !first, neither += !has;
      REQUIRE(has == (first || second));
      if (block == 0 || block == 5) REQUIRE((first && second));
    }
    REQUIRE(kept == 8);
  }
  CHECK(only_attention > 100);
  CHECK(only_mlp > 100);
  CHECK(neither > 50);
}

TEST_CASE("sequences ascend; a block that none passes is left out, one that all pass lists none") {
  const stage_rule coins = stage_of(rule_of<sequence_drop<keep<1, 10>, bernoulli<>>>());
  int without = 0, with = 0;
  for (std::uint64_t step = 0; step < 300; ++step) {
    const step_plan plan = drawn(coins, step);
    without += 6 - plan.size(), with += plan.size();
    for (const block_plan& b : plan.blocks()) {
      REQUIRE(!b.sequences.empty());
      for (std::size_t i = 1; i < b.sequences.size(); ++i) REQUIRE(b.sequences[i] > b.sequences[i - 1]);
    }
  }
  const double none = std::pow(0.9, 10), blocks = 1'800;
  CHECK(std::abs(without / blocks - none) < 5 * std::sqrt(none * (1 - none) / blocks));
  CHECK(without + with == 1'800);
  CHECK(drawn(stage_of(rule_of<sequence_drop<keep<1, 1>>>())) == step_plan::full(net));
  const step_plan nearly = drawn(stage_of(rule_of<sequence_drop<keep<9>>>()));
  for (const block_plan& b : nearly.blocks()) CHECK(b.sequences.size() == 9);
}

TEST_CASE("a plan cannot drop sequences of which it does not know the number") {
  const network_layout unknown = layout_of<example_block>(small);
  CHECK_THROWS_WITH_AS(drawn(stage_of(rule_of<sequence_drop<keep<1, 2>>>()), 0, unknown),
                       "raptr: a stage drops sequences, but the layout of this plan has no number of sequences: create it with "
                       "layout_of<Block>(shape, sequences)",
                       input_error);
  CHECK(drawn(stage_of(rule_of<sequence_drop<keep<1, 1>>>()), 0, unknown) == step_plan::full(unknown));
  CHECK(drawn(stage_of(rule_of<sequence_drop<keep<1, 1>, bernoulli<>, inverse>>()), 0, unknown) == step_plan::full(unknown));
}

TEST_CASE("coins keep a fraction on average, so it need not be a whole number of units; exactly does need that") {
  const auto mean_of = [&](const drop_rule& rule, auto count) {
    double sum = 0;
    for (std::uint64_t step = 0; step < 2'000; ++step) sum += count(drawn(stage_of(rule), step, net)) / 2'000.0;
    return sum;
  };
  const auto layers = rule_of<layer_drop<keep<3, 4>, bernoulli<>>>();
  CHECK(layers.kept_of(6) == 4.5);
  CHECK(layers.fits(6, 6));
  CHECK(std::abs(mean_of(layers, [](const step_plan& p) { return p.size(); }) - 4.5) < 5 * std::sqrt(6 * 0.75 * 0.25 / 2'000));
  CHECK(drawn(stage_of(rule_of<layer_drop<keep<1, 1>, bernoulli<>>>()), 0, net) == step_plan::full(net));
  const auto heads = rule_of<head_drop<keep<2, 3>, bernoulli<>>>();
  const double mean = mean_of(heads, [](const step_plan& p) { return p.block(0).parts()[0].size(); });
  CHECK(std::abs(mean - 8.0 / 3) < 5 * std::sqrt(4 * 2.0 / 9 / 2'000));
  CHECK(rule_of<sublayer_drop<keep<5, 8>, linear_from_first>>().kept_of(12) == 7.5);
  const auto exact = rule_of<layer_drop<keep<3, 4>>>();
  CHECK(!exact.fits(6, 6));
  CHECK_THROWS_WITH_AS((void)exact.kept_of(6), "raptr: a stage keeps 3/4 of 6 layers, which is not a whole number: the nearest are 4/6 and 5/6",
                       input_error);
}

TEST_CASE("a block whose units were all dropped is left out") {
  const stage_rule coins = stage_of(rule_of<head_drop<keep<1, 4>, bernoulli<>>>(), rule_of<neuron_drop<keep<1, 8>, bernoulli<>>>());
  int empty = 0;
  for (std::uint64_t step = 0; step < 300; ++step) {
    const step_plan plan = drawn(coins, step);
    empty += 6 - plan.size();
    for (const block_plan& b : plan.blocks()) REQUIRE(b.parts()[attention].size() + b.parts()[mlp].size() > 0);
  }
  const double p = std::pow(0.75, 4) * std::pow(0.875, 8);
  CHECK(std::abs(empty / 1'800.0 - p) < 5 * std::sqrt(p * (1 - p) / 1'800));
}

TEST_CASE("a slice of the width is the first groups, the same in every block and step, inside every larger one") {
  for (int count = 1; count <= 8; ++count)
    for (const std::uint64_t step : {0u, 1u, 77u})
      for (const step_plan plan = drawn(stage_of(rule_of<width_slice<keep<1>>>().keeping(count)), step); const block_plan& b : plan.blocks()) {
        CHECK(b.parts()[mlp].units == std::vector<unit_range>{{0, count}});
        CHECK(b.parts()[attention].size() == 4);
      }
  CHECK(rule_of<width_slice<keep<4>>>().name == "width");
  CHECK(rule_of<width_slice<keep<4>>>().axis == "neurons");
}

TEST_CASE("an axis of one's own is a name and a part that owns it") {
  const network_layout layout = layout_of<block_with_experts>({.layers = 3, .width = 48, .heads = 4});
  const drop_rule rule = rule_of<expert_drop<keep<3>>>();
  CHECK(rule.axis == "experts");
  std::vector<int> seen(5);
  for (std::uint64_t step = 0; step < 500; ++step)
    for (const step_plan plan = drawn(stage_of(rule), step, layout); const block_plan& b : plan.blocks()) {
      REQUIRE(b.parts()[0].size() == 4);
      REQUIRE(b.parts()[1].size() == 3);
      for (const int unit : units_of(b.parts()[1])) ++seen[static_cast<std::size_t>(unit)];
    }
  for (const int count : seen) CHECK(std::abs(count / 1'500.0 - 0.6) < 5 * std::sqrt(0.24 / 1'500));
}

TEST_CASE("an axis that no part of the block has is refused with those that it has") {
  CHECK_THROWS_WITH_AS(drawn(stage_of(rule_of<expert_drop<keep<3>>>())),
                       "raptr: the schedule drops experts, which this network does not have: it has layers, sublayers, sequences, heads, neurons",
                       input_error);
  const network_layout layout = layout_of<block_with_experts>({.layers = 3, .width = 48, .heads = 4});
  CHECK_THROWS_WITH_AS(drawn(stage_of(rule_of<neuron_drop<keep<1, 2>>>()), 0, layout),
                       "raptr: the schedule drops neurons, which this network does not have: it has layers, sublayers, sequences, heads, experts",
                       input_error);
}

TEST_CASE("a number that an axis does not have is refused when it is drawn, with the axis and the numbers") {
  CHECK_THROWS_WITH_AS(drawn(stage_of(rule_of<head_drop<keep<5>>>())), "raptr: a stage keeps 5 of 4 heads: keep between 1 and 4", input_error);
  CHECK_THROWS_WITH_AS(drawn(stage_of(rule_of<sublayer_drop<keep<13>>>())), "raptr: a stage keeps 13 of 12 sublayers: keep between 1 and 12",
                       input_error);
  CHECK_THROWS_WITH_AS(drawn(stage_of(rule_of<sequence_drop<keep<11>>>())), "raptr: a stage keeps 11 of 10 sequences: keep between 1 and 10",
                       input_error);
  CHECK_THROWS_WITH_AS(drawn(stage_of(rule_of<neuron_drop<keep<1, 3>>>())),
                       "raptr: a stage keeps 1/3 of 8 neurons, which is not a whole number: the nearest are 2/8 and 3/8", input_error);
  CHECK_THROWS_WITH_AS(drawn(stage_of(rule_of<head_drop<keep<1, 5>>>())),
                       "raptr: a stage keeps 1/5 of 4 heads, which is not a whole number: the nearest are 1/4", input_error);
}

TEST_CASE("a drop of sub-layers keeps the first and the last block whole, however many parts a block has") {
  struct mlp_only {
    using parts = part_list<example_mlp>;
  };
  const auto keeps_ends = [](const network_layout& layout, const drop_rule& rule) {
    const std::size_t parts = layout.parts().size();
    int inner = 0;
    for (std::uint64_t step = 0; step < 200; ++step) {
      const step_plan plan = drawn(stage_of(rule), step, layout);
      for (const int end : {0, 5}) {
        REQUIRE(plan.has(end));
        for (const part_plan& part : plan.block(end).parts()) REQUIRE(!part.units.empty());
      }
      for (const block_plan& b : plan.blocks())
        if (b.block > 0 && b.block < 5)
          for (const part_plan& part : b.parts()) inner += !part.units.empty();
    }
    CHECK(inner > 100);
    CHECK(inner < 200 * 4 * int(parts));
    CHECK(rule.select.probability(0, layout.sublayers(), {int(3 * parts), 3.0 * double(parts), int(parts)}) == 1);
    CHECK(rule.select.probability(layout.sublayers() - int(parts), layout.sublayers(), {int(3 * parts), 3.0 * double(parts), int(parts)}) == 1);
    CHECK(rule.select.probability(int(parts), layout.sublayers(), {int(3 * parts), 3.0 * double(parts), int(parts)}) == doctest::Approx(0.25));
  };
  const network_layout three = layout_of<two_attentions>(small), two = layout_of<example_block>(small), one = layout_of<mlp_only>(small);
  for (const network_layout& layout : {three, two, one}) {
    keeps_ends(layout, rule_of<sublayer_drop>().keeping(fraction(1, 2)));
    keeps_ends(layout, rule_of<sublayer_drop, bernoulli<both_end_blocks>>().keeping(fraction(1, 2)));
    keeps_ends(layout, rule_of<sublayer_drop, exactly<both_end_blocks>>().keeping(3 * int(layout.parts().size())));
  }
  CHECK_THROWS_WITH_AS(drawn(stage_of(rule_of<sublayer_drop>().keeping(5)), 0, three),
                       "raptr: a stage keeps 5 units where 6 are always kept (the first 3 and the last 3): keep at least 6, or fix fewer",
                       input_error);
  CHECK_FALSE(rule_of<sublayer_drop>().keeping(5).fits(18, 6));
  CHECK(rule_of<sublayer_drop>().keeping(6).fits(18, 6));
  CHECK_NOTHROW(drawn(stage_of(rule_of<sublayer_drop>().keeping(2)), 0, one));
}
