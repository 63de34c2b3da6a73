// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <raptr/schedule/cost.hpp>
#include <raptr/schedule/plan.hpp>
#include <raptr/schedule/schedule.hpp>

#include "example_block.hpp"

using namespace raptr;

namespace {

constexpr auto layout = layout_of<example_block>(bert_base);

step_plan drawn(const auto& schedule, std::uint64_t step) {
  step_plan plan(layout);
  plan_into(plan, schedule, {.seed = 5, .step = step}, 10'000);
  return plan;
}
template <class... Policies> using six = constant<layer_drop<keep<6>, Policies...>>;

/// Mean over many draws of the sum over kept blocks of (block factor * branch factor)^power.
double mean_sum(const auto& schedule, int power) {
  step_plan plan(layout);
  double sum = 0;
  for (std::uint64_t step = 0; step < 10'000; ++step) {
    plan_into(plan, schedule, {.seed = 5, .step = step}, 10'000);
    for (const block_plan& b : plan.blocks()) sum += std::pow(b.factor * b.parts()[0].factor, power);
  }
  return sum / 10'000;
}

constexpr model_shape small{.layers = 6, .width = 48, .heads = 4, .neurons = 96, .neuron_group = 12, .context = 8};
const network_layout net = layout_of<example_block>(small, 10);
constexpr std::size_t attention = 0, mlp = 1;

template <class... Rules> stage_rule stage_of(const Rules&... rules) {
  stage_rule stage;
  (stage.add(rules), ...);
  return stage;
}
step_plan small_plan(const stage_rule& stage, std::uint64_t step = 0) {
  step_plan plan(net);
  write_plan(plan, stage, {.seed = 5, .step = step});
  return plan;
}
/// Over many draws that power of what a unit is multiplied by for a sequence, 0 where it is dropped, has the mean 1.
void has_mean_one(const stage_rule& stage, int power, double largest) {
  constexpr int draws = 1'000, units = 4 + 8, sequences = 10;
  std::vector<double> sums(6 * units * sequences);
  step_plan plan(net);
  for (std::uint64_t step = 0; step < draws; ++step) {
    write_plan(plan, stage, {.seed = 5, .step = step});
    for (const block_plan& b : plan.blocks())
      for (int p = 0; p < 2; ++p)
        for (const part_plan& part = b.parts()[static_cast<std::size_t>(p)]; const unit_range& r : part.units) {
          const double x = std::pow(b.factor * part.factor * part.unit_factor, power);
          for (int unit = 4 * p + r.first; unit < 4 * p + r.first + r.count; ++unit)
            for (int s = 0; s < plan.sequences_of(b); ++s)
              sums[static_cast<std::size_t>((b.block * units + unit) * sequences +
                                            (b.sequences.empty() ? s : b.sequences[static_cast<std::size_t>(s)]))] += x;
        }
  }
  // A unit that is kept with probability p, and multiplied by 1/p then, has the variance 1/p - 1.
  const double bound = 5.5 * std::sqrt((std::pow(largest, power) - 1) / draws) + 1e-9;
  double worst = 0;
  for (const double sum : sums) worst = std::max(worst, std::abs(sum / draws - 1));
  CHECK(worst < bound);
}

template <class Scale> bool is_one_in_depth() {
  return drawn(constant<layer_drop<keep<12>, Scale>>{}, 0) == step_plan::full(layout) &&
         small_plan(stage_of(rule_of<sublayer_drop<keep<12>, Scale>>())) == step_plan::full(net);
}
template <class Scale> bool is_one_for_units() {
  return small_plan(stage_of(rule_of<head_drop<keep<4>, Scale>>(), rule_of<neuron_drop<keep<8>, Scale>>())) == step_plan::full(net);
}
template <class Scale> bool is_one_for_sequences() { return small_plan(stage_of(rule_of<sequence_drop<keep<10>, Scale>>())) == step_plan::full(net); }

}  // namespace

TEST_CASE("every scale is 1 for the full network, on every axis that it fits") {
  CHECK(is_one_in_depth<unscaled>());
  CHECK(is_one_in_depth<sqrt_gap>());
  CHECK(is_one_in_depth<sqrt_inverse>());
  CHECK(is_one_in_depth<inverse>());
  CHECK(is_one_in_depth<inverse_per_branch>());
  CHECK(is_one_in_depth<completep<>>());
  CHECK(is_one_in_depth<completep<1, 2>>());
  CHECK(is_one_for_units<unscaled>());
  CHECK(is_one_for_units<sqrt_inverse>());
  CHECK(is_one_for_units<inverse>());
  CHECK(is_one_for_sequences<unscaled>());
  CHECK(is_one_for_sequences<sqrt_inverse>());
  CHECK(is_one_for_sequences<inverse>());
  CHECK(is_one_for_sequences<inverse_per_branch>());
  CHECK(is_one_for_sequences<completep<>>());
}

TEST_CASE("sqrt_gap is the root of the distance to the next kept block") {
  constexpr sqrt_gap scale;
  CHECK(scale({.unit = 3, .next = 7, .total = 12, .probability = 1, .share = 0.5}) == 2);
  CHECK(scale({.unit = 11, .next = 12, .total = 12, .probability = 1, .share = 0.5}) == 1);
}

TEST_CASE("the squares of sqrt_gap sum to L at every step when block 0 is kept") {
  for (std::uint64_t step = 0; step < 2'000; ++step) {
    double sum = 0;
    const step_plan plan = drawn(six<sqrt_gap, bernoulli<both_ends>>{}, step);
    for (const block_plan& b : plan.blocks()) sum += b.parts()[1].factor * b.parts()[1].factor;
    REQUIRE(std::abs(sum - 12) < 1e-12);
  }
}

TEST_CASE("scales by the keep probability bring the mean back to L, unscaled does not") {
  CHECK(mean_sum(six<inverse>{}, 1) == doctest::Approx(12));
  CHECK(mean_sum(six<inverse_per_branch>{}, 1) == doctest::Approx(12));
  CHECK(mean_sum(six<sqrt_inverse>{}, 2) == doctest::Approx(12));
  CHECK(mean_sum(six<unscaled>{}, 1) == 6);
  CHECK(mean_sum(six<inverse, bernoulli<both_ends>>{}, 1) == doctest::Approx(12).epsilon(0.013));  // 4 standard errors
}

TEST_CASE("inverse multiplies the whole block once, inverse_per_branch every part, fixed blocks neither") {
  const step_plan whole = drawn(six<inverse>{}, 1), branches = drawn(six<inverse_per_branch>{}, 1), roots = drawn(six<sqrt_inverse>{}, 1);
  for (const block_plan& b : whole.blocks()) {
    const double expected = b.block == 0 || b.block == 11 ? 1 : 2.5;
    CHECK(b.factor == expected);
    CHECK(b.parts()[0].factor == 1);
    CHECK(branches.block(b.block).factor == 1);
    CHECK(branches.block(b.block).parts()[0].factor == expected);
    CHECK(branches.block(b.block).parts()[1].factor == expected);
    CHECK(roots.block(b.block).parts()[1].factor == doctest::Approx(std::sqrt(expected)));
  }
}

TEST_CASE("a scale of the user's own is any callable") {
  struct halved {
    double operator()(kept_unit) const { return 0.5; }
  };
  const step_plan plan = drawn(six<halved>{}, 1);
  CHECK(plan.block(0).parts()[0].factor == 0.5);
}

TEST_CASE("on sub-layers the squares of sqrt_gap sum to their number when the first is kept") {
  for (std::uint64_t step = 0; step < 500; ++step) {
    double sum = 0;
    for (const step_plan plan = small_plan(stage_of(rule_of<sublayer_drop<keep<8>, sqrt_gap>>()), step); const block_plan& b : plan.blocks())
      for (const part_plan& part : b.parts()) sum += part.units.empty() ? 0 : part.factor * part.factor;
    REQUIRE(std::abs(sum - 12) < 1e-12);
  }
}

TEST_CASE("on sub-layers sqrt_gap counts sub-layers: from an mlp to the next attention is 1") {
  struct by_hand {
    unit_set operator()(int, int, draw_key) const { return {0, 3, 4, 8}; }
  };
  const step_plan plan = small_plan(stage_of(rule_of<sublayer_drop<keep<4>, by_hand, sqrt_gap>>()));
  CHECK(plan.block(0).parts()[attention].factor == doctest::Approx(std::sqrt(3)));
  CHECK(plan.block(1).parts()[mlp].factor == 1);
  CHECK(plan.block(2).parts()[attention].factor == 2);
  CHECK(plan.block(4).parts()[attention].factor == 2);
}

TEST_CASE("inverse is unbiased for every unit on every axis, by count and by coins") {
  has_mean_one(stage_of(rule_of<layer_drop<keep<3>, inverse>>()), 1, 4);
  has_mean_one(stage_of(rule_of<layer_drop<keep<3>, inverse, bernoulli<>>>()), 1, 2);
  has_mean_one(stage_of(rule_of<layer_drop<keep<2, 3>, inverse, linear_in_depth>>()), 1, 2);
  has_mean_one(stage_of(rule_of<sublayer_drop<keep<8>, inverse>>()), 1, 2);
  has_mean_one(stage_of(rule_of<head_drop<keep<2>, inverse>>(), rule_of<neuron_drop<keep<4>, inverse, bernoulli<>>>()), 1, 2);
  has_mean_one(stage_of(rule_of<sequence_drop<keep<5>, inverse>>()), 1, 2);
  has_mean_one(stage_of(rule_of<sequence_drop<keep<5>, inverse_per_branch, once>>()), 1, 2);
  has_mean_one(stage_of(rule_of<head_drop<keep<3, 4>, inverse, linear_in_depth>>(), rule_of<neuron_drop<keep<3, 4>, inverse, linear_from_first>>()),
               1, 2);
  has_mean_one(stage_of(rule_of<sequence_drop<keep<4, 5>, inverse, linear_from_first>>()), 1, 2);
}

TEST_CASE("inverse is unbiased next to a mean share too, and where axes meet") {
  has_mean_one(stage_of(rule_of<head_drop, inverse>().keeping(amount::mean_share(0.55))), 1, 2);
  has_mean_one(stage_of(rule_of<layer_drop, inverse>().keeping(amount::mean_share(0.7))), 1, 2);
  has_mean_one(stage_of(rule_of<sequence_drop, inverse>().keeping(amount::mean_share(0.55))), 1, 2);
  has_mean_one(stage_of(rule_of<layer_drop<keep<1, 2>, inverse, bernoulli<>>>(), rule_of<head_drop<keep<1, 2>, inverse>>(),
                        rule_of<neuron_drop<keep<1, 2>, inverse>>(), rule_of<sequence_drop<keep<4, 5>, inverse>>()),
               1, 5);
}

TEST_CASE("sqrt_inverse keeps the mean of the square on every axis") {
  has_mean_one(stage_of(rule_of<layer_drop<keep<3>, sqrt_inverse, exactly<>>>()), 2, std::sqrt(2.0));
  has_mean_one(stage_of(rule_of<sublayer_drop<keep<6>, sqrt_inverse, exactly<>>>()), 2, std::sqrt(2.0));
  has_mean_one(stage_of(rule_of<head_drop<keep<2>, sqrt_inverse>>(), rule_of<neuron_drop<keep<4>, sqrt_inverse>>()), 2, std::sqrt(2.0));
  has_mean_one(stage_of(rule_of<sequence_drop<keep<5>, sqrt_inverse>>()), 2, std::sqrt(2.0));
}

TEST_CASE("on a block with two branches inverse is unbiased and inverse_per_branch is off by a b (1/p - 1)") {
  // x + attention(x) + mlp(x + attention(x)) with branches a x and b x: the block adds (a + b + a b) x.
  constexpr double a = 0.7, b = 0.5, p = 1.0 / 3;
  const auto mean_of = [&](const stage_rule& stage) {
    double sum = 0;
    constexpr int draws = 15'000;
    step_plan plan(net);
    for (std::uint64_t step = 0; step < draws; ++step) {
      write_plan(plan, stage, {.seed = 5, .step = step});
      if (!plan.has(3)) continue;
      const block_plan& block = plan.block(3);
      const double first = a * block.parts()[attention].factor, second = b * block.parts()[mlp].factor;
      sum += block.factor * (first + second * (1 + first));
    }
    return sum / draws;
  };
  const double exact = a + b + a * b, bound = 0.13;  // 5 standard errors: (a + b / p) (1 + a / p) sqrt(p (1 - p) / draws) is below 0.026
  const double whole = mean_of(stage_of(rule_of<layer_drop<keep<2>, exactly<>, inverse>>()));
  const double branches = mean_of(stage_of(rule_of<layer_drop<keep<2>, exactly<>, inverse_per_branch>>()));
  CHECK(std::abs(whole - exact) < bound);
  CHECK(std::abs(branches - exact - a * b * (1 / p - 1)) < bound);
  CHECK(a * b * (1 / p - 1) > 2 * bound);
}

TEST_CASE("completep is (L / k)^exponent on the branches of every kept block, the fixed ones too") {
  for (const step_plan plan = drawn(six<completep<>>{}, 1); const block_plan& b : plan.blocks()) {
    CHECK(b.factor == 1);
    CHECK(b.parts()[attention].factor == 2);
    CHECK(b.parts()[mlp].factor == 2);
    CHECK(b.parts()[mlp].unit_factor == 1);
  }
  for (const step_plan plan = drawn(six<completep<1, 2>>{}, 1); const block_plan& b : plan.blocks())
    CHECK(b.parts()[mlp].factor == doctest::Approx(std::sqrt(2)));
  CHECK(completep_scale{2}({.unit = 0, .next = 1, .total = 12, .probability = 1, .share = 0.25}) == 16);
  for (const step_plan plan = small_plan(stage_of(rule_of<sublayer_drop<keep<8>, completep<>>>())); const block_plan& b : plan.blocks())
    for (const part_plan& part : b.parts())
      if (!part.units.empty()) CHECK(part.factor == doctest::Approx(1.5));
}

TEST_CASE("on sub-layers a factor belongs to the sub-layer and not to the block") {
  for (const step_plan plan = small_plan(stage_of(rule_of<sublayer_drop<keep<8>, inverse>>())); const block_plan& b : plan.blocks()) {
    CHECK(b.factor == 1);
    for (const part_plan& part : b.parts())
      if (!part.units.empty()) CHECK(part.factor == doctest::Approx(b.block == 0 || b.block == 5 ? 1 : 2));
  }
}

TEST_CASE("of units inside a part the factor is that of the units, not of the part with its output bias") {
  const step_plan plan = small_plan(stage_of(rule_of<head_drop<keep<1>, inverse>>(), rule_of<neuron_drop<keep<2>, sqrt_inverse>>()));
  for (const block_plan& b : plan.blocks()) {
    CHECK(b.factor == 1);
    CHECK(b.parts()[attention].factor == 1);
    CHECK(b.parts()[attention].unit_factor == 4);
    CHECK(b.parts()[mlp].factor == 1);
    CHECK(b.parts()[mlp].unit_factor == 2);
  }
  const step_plan profile = small_plan(stage_of(rule_of<head_drop<keep<1, 2>, inverse, linear_from_first>>()));
  CHECK(profile.block(0).parts()[attention].unit_factor == 1);
  CHECK(profile.block(3).parts()[attention].unit_factor == doctest::Approx(2.5));
}

TEST_CASE("of sequences inverse multiplies the block, every other scale its parts") {
  const auto factors = [](const drop_rule& rule) {
    const step_plan plan = small_plan(stage_of(rule));
    for (const block_plan& b : plan.blocks()) {
      CHECK(b.factor == plan.block(0).factor);
      for (const part_plan& part : b.parts()) {
        CHECK(part.factor == plan.block(0).parts()[0].factor);
        CHECK(part.unit_factor == 1);
      }
    }
    return std::pair(plan.block(0).factor, plan.block(0).parts()[0].factor);
  };
  CHECK(factors(rule_of<sequence_drop<keep<4>, inverse>>()) == std::pair(2.5, 1.0));
  CHECK(factors(rule_of<sequence_drop<keep<4>, inverse_per_branch>>()) == std::pair(1.0, 2.5));
  CHECK(factors(rule_of<sequence_drop<keep<4>, completep<>>>()) == std::pair(1.0, 2.5));
  CHECK(factors(rule_of<sequence_drop<keep<4>, sqrt_inverse>>()).second == doctest::Approx(std::sqrt(2.5)));
  CHECK(factors(rule_of<sequence_drop<keep<4>>>()) == std::pair(1.0, 1.0));
}

TEST_CASE("factors of blocks, sub-layers, sequences and units multiply") {
  const stage_rule whole = stage_of(rule_of<layer_drop<keep<3>, exactly<>, inverse>>(), rule_of<sublayer_drop<keep<8>, exactly<>, inverse>>(),
                                    rule_of<sequence_drop<keep<4>, inverse>>(), rule_of<head_drop<keep<1>, inverse>>());
  const stage_rule branches =
      stage_of(rule_of<layer_drop<keep<3>, exactly<>, inverse_per_branch>>(), rule_of<sublayer_drop<keep<8>, exactly<>, inverse_per_branch>>(),
               rule_of<sequence_drop<keep<4>, inverse_per_branch>>(), rule_of<head_drop<keep<1>, inverse>>());
  int seen = 0;
  for (std::uint64_t step = 0; step < 20; ++step) {
    for (const step_plan plan = small_plan(whole, step); const block_plan& b : plan.blocks()) {
      CHECK(b.factor == doctest::Approx(2 * 2.5));
      for (const part_plan& part : b.parts())
        if (!part.units.empty()) {
          CHECK(part.factor == doctest::Approx(1.5));
          ++seen;
        }
      if (!b.parts()[attention].units.empty()) CHECK(b.parts()[attention].unit_factor == 4);
      CHECK(b.parts()[mlp].unit_factor == 1);
    }
    for (const step_plan plan = small_plan(branches, step); const block_plan& b : plan.blocks()) {
      CHECK(b.factor == 1);
      for (const part_plan& part : b.parts())
        if (!part.units.empty()) CHECK(part.factor == doctest::Approx(2 * 1.5 * 2.5));
    }
  }
  CHECK(seen > 40);
}

TEST_CASE("a scale may look at the share, on units as on blocks") {
  struct root_of_share {
    double operator()(kept_unit u) const { return 1 / std::sqrt(u.share); }
  };
  const step_plan plan = small_plan(stage_of(rule_of<head_drop<keep<1>, root_of_share>>(), rule_of<layer_drop<keep<3>, root_of_share>>()));
  CHECK(plan.block(0).parts()[attention].unit_factor == 2);
  CHECK(plan.block(0).parts()[attention].factor == doctest::Approx(std::sqrt(2)));
}

TEST_CASE("completep follows the same share of the depth as depth_share() says, on every axis and for every way of drawing") {
  const auto agrees = [](const stage_rule& stage, double share) {
    CAPTURE(share);
    CHECK(depth_share(stage, net) == doctest::Approx(share).epsilon(1e-12));
    for (std::uint64_t step = 0; step < 20; ++step)
      for (const step_plan plan = small_plan(stage, step); const block_plan& b : plan.blocks())
        for (const part_plan& part : b.parts())
          if (!part.units.empty()) CHECK(part.factor == doctest::Approx(1 / std::sqrt(share)).epsilon(1e-12));
  };
  using half_power = completep<1, 2>;
  agrees(stage_of(rule_of<layer_drop<keep<3>, half_power>>()), 0.5);
  agrees(stage_of(rule_of<layer_drop<keep<3>, bernoulli<>, half_power>>()), 0.5);  // whatever is drawn
  agrees(stage_of(rule_of<layer_drop<keep<3>, bernoulli<both_ends>, half_power>>()), 0.5);
  agrees(stage_of(rule_of<layer_drop<keep<2, 3>, linear_in_depth, half_power>>()), 2.0 / 3);
  agrees(stage_of(rule_of<layer_drop, half_power>().keeping(amount::mean_share(0.6))), 0.6);  // 3 or 4 of 6
  agrees(stage_of(rule_of<sublayer_drop<keep<6>, half_power>>()), 0.5);
  agrees(stage_of(rule_of<sublayer_drop<keep<8>, bernoulli<>, half_power>>()), 2.0 / 3);
  agrees(stage_of(rule_of<sequence_drop<keep<4>, half_power>>()), 0.4);
  agrees(stage_of(rule_of<sequence_drop<keep<3, 4>, bernoulli<>, linear_from_first, half_power>>()), 0.75);  // not that of its block
  agrees(stage_of(rule_of<layer_drop<keep<3>, half_power>>(), rule_of<sequence_drop<keep<1, 2>, half_power>>()), 0.25);
  agrees(stage_of(rule_of<layer_drop<keep<3>, half_power>>(), rule_of<head_drop<keep<1, 2>>>()), 0.5);
  CHECK(depth_share(stage_of(rule_of<head_drop<keep<1, 2>>>(), rule_of<neuron_drop<keep<1, 2>>>()), net) == 1);
  CHECK(depth_share(stage_rule{}, net) == 1);
}
