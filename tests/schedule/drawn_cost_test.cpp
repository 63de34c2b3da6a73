// SPDX-License-Identifier: Apache-2.0
// The cost that is told of a stage is that of the plans that are drawn from it, for every mixture of axes and policies.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include <raptr/schedule/cost.hpp>
#include <raptr/schedule/plan.hpp>
#include <raptr/subnet/rules/drop.hpp>

#include "two_attentions.hpp"

using namespace raptr;

namespace {

constexpr model_shape small{.layers = 6, .width = 48, .heads = 4, .neurons = 96, .neuron_group = 12, .context = 8};

template <class... Rules> stage_rule stage_of(const Rules&... rules) {
  stage_rule stage;
  (stage.add(rules), ...);
  return stage;
}
/// Of the units that a plan runs, as a share of all.
double flops_of(const step_plan& plan) {
  const network_layout& net = plan.layout();
  double sum = 0;
  for (const block_plan& b : plan.blocks())
    for (std::size_t p = 0; p < b.parts().size(); ++p)
      sum += b.parts()[p].size() * net.parts()[p].flops_per_unit * plan.sequences_of(b) / net.sequences;
  return sum / (net.shape.layers * net.block_flops());
}
/// The cost of a stage is the mean over what is drawn: within 5 standard errors of it.
void costs_what_is_drawn(const stage_rule& stage, bool fixed_counts = false, const network_layout& net = layout_of<example_block>(small, 10)) {
  const flops f = block_flops(stage, net);
  constexpr int draws = 2'000;
  double sum = 0, squares = 0;
  step_plan plan(net);
  for (std::uint64_t step = 0; step < draws; ++step) {
    write_plan(plan, stage, {.seed = 11, .step = step});
    const double x = flops_of(plan);
    sum += x, squares += x * x;
    if (fixed_counts) REQUIRE(x == doctest::Approx(f.active / f.full).epsilon(1e-12));
  }
  const double mean = sum / draws, deviation = std::sqrt(std::max(0.0, squares / draws - mean * mean));
  CHECK(std::abs(mean - f.active / f.full) <= 5 * deviation / std::sqrt(draws) + 1e-9);
}
/// Drops mlps only.
struct mlps_only {
  static constexpr double probability(int unit, int total, kept_count kept) { return unit % 2 ? 2 * kept.mean / total - 1 : 1; }
  constexpr unit_set operator()(int total, kept_count kept, draw_key key) const {
    unit_set set;
    for (int unit = 0; unit < total; ++unit)
      if (key.uniform(unit) < probability(unit, total, kept)) set.add(unit);
    return set;
  }
};

}  // namespace

TEST_CASE("the cost of a stage is the mean over its draws: exactly where the numbers are fixed") {
  const auto layers = rule_of<layer_drop<keep<3>>>();
  const auto heads = rule_of<head_drop<keep<1, 4>>>(), neurons = rule_of<neuron_drop<keep<3, 8>>>(), width = rule_of<width_slice<keep<5>>>(),
             sequences = rule_of<sequence_drop<keep<3, 5>>>();
  costs_what_is_drawn(stage_rule{}, true);
  costs_what_is_drawn(stage_of(layers), true);
  costs_what_is_drawn(stage_of(heads), true);
  costs_what_is_drawn(stage_of(neurons), true);
  costs_what_is_drawn(stage_of(width), true);
  costs_what_is_drawn(stage_of(sequences), true);
  costs_what_is_drawn(stage_of(heads, neurons), true);
  costs_what_is_drawn(stage_of(layers, heads, width, sequences), true);
}

TEST_CASE("the cost of a stage is the mean over its draws: within 5 standard errors where they vary") {
  const auto coins = rule_of<layer_drop<keep<3>, bernoulli<both_ends>>>(), by_depth = rule_of<layer_drop<keep<2, 3>, linear_in_depth>>();
  const auto sub = rule_of<sublayer_drop<keep<8>>>(), sub_by_depth = rule_of<sublayer_drop<keep<3, 4>, linear_from_first>>(),
             first_fixed = rule_of<sublayer_drop<keep<7>, exactly<fixed{3, 0}>>>(), mlps = rule_of<sublayer_drop<keep<8>, mlps_only>>();
  const auto heads = rule_of<head_drop<keep<1, 2>, linear_in_depth>>(), neurons = rule_of<neuron_drop<keep<3, 4>, linear_from_first>>(),
             some_heads = rule_of<head_drop, bernoulli<>>().keeping(amount::mean_share(0.3)),
             sequences = rule_of<sequence_drop<keep<4, 5>, linear_in_depth>>();
  costs_what_is_drawn(stage_of(coins));
  costs_what_is_drawn(stage_of(by_depth));
  costs_what_is_drawn(stage_of(sub));
  costs_what_is_drawn(stage_of(sub_by_depth));
  costs_what_is_drawn(stage_of(first_fixed));  // attention more often than mlp
  costs_what_is_drawn(stage_of(mlps));
  costs_what_is_drawn(stage_of(mlps, rule_of<neuron_drop<keep<1, 4>>>()));
  costs_what_is_drawn(stage_of(heads));
  costs_what_is_drawn(stage_of(neurons));
  costs_what_is_drawn(stage_of(sequences));
  costs_what_is_drawn(stage_of(some_heads));
  costs_what_is_drawn(stage_of(heads, neurons, sequences));
  costs_what_is_drawn(stage_of(rule_of<layer_drop<keep<3>>>(), heads));  // the first and the last block always, where there are most and fewest heads
  costs_what_is_drawn(stage_of(rule_of<layer_drop<keep<3>>>(), sub));    // the fixed ends of both meet
  costs_what_is_drawn(stage_of(by_depth, sub_by_depth, heads, sequences));
  costs_what_is_drawn(stage_of(by_depth, neurons));
  costs_what_is_drawn(stage_of(coins, first_fixed, some_heads, rule_of<width_slice<keep<1, 2>>>(), sequences));
  costs_what_is_drawn(stage_of(rule_of<head_drop<keep<1, 2>, once>>(), rule_of<sequence_drop<keep<1, 2>, once>>(), sub));
  costs_what_is_drawn(stage_of(rule_of<layer_drop>().keeping(amount::mean_share(0.55)), rule_of<neuron_drop>().keeping(amount::mean_share(0.3))));
  costs_what_is_drawn(stage_of(heads, sub), false, layout_of<two_attentions>(small, 10));
  costs_what_is_drawn(stage_of(rule_of<expert_drop<keep<2>>>(), sub), false, layout_of<block_with_experts>(small, 10));
}

TEST_CASE("sequences cost their share, also where their number is not known") {
  const network_layout unknown = layout_of<example_block>(small), ten = layout_of<example_block>(small, 10);
  for (const stage_rule& stage : {stage_of(rule_of<sequence_drop<keep<2, 5>>>()), stage_of(rule_of<sequence_drop<keep<4, 5>, linear_in_depth>>()),
                                  stage_of(rule_of<sequence_drop<keep<1, 2>>>(), rule_of<layer_drop<keep<2, 3>, linear_in_depth>>())})
    CHECK(block_flops(stage, unknown).active / block_flops(stage, unknown).full ==
          doctest::Approx(block_flops(stage, ten).active / block_flops(stage, ten).full));
  CHECK_THROWS_WITH_AS((void)block_flops(stage_of(rule_of<sequence_drop<keep<4>>>()), unknown),
                       "raptr: a stage keeps 4 sequences, but their number is not known here: give a share such as 3/4, or "
                       "network_layout::sequences",
                       input_error);
}
