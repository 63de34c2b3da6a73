// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cmath>

#include <raptr/subnet/schedule/plan.hpp>
#include <raptr/subnet/schedule/types.hpp>

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

template <class Scale> bool is_one_for_the_full_network() {
  const step_plan plan = drawn(constant<layer_drop<keep<12>, Scale>>{}, 0);
  return plan == step_plan::full(layout);
}

}  // namespace

TEST_CASE("every scale is 1 for the full network") {
  CHECK(is_one_for_the_full_network<unscaled>());
  CHECK(is_one_for_the_full_network<sqrt_gap>());
  CHECK(is_one_for_the_full_network<sqrt_inverse>());
  CHECK(is_one_for_the_full_network<inverse>());
  CHECK(is_one_for_the_full_network<inverse_per_branch>());
}

TEST_CASE("sqrt_gap is the root of the distance to the next kept block") {
  constexpr sqrt_gap scale;
  CHECK(scale({.unit = 3, .next = 7, .total = 12, .probability = 1}) == 2);
  CHECK(scale({.unit = 11, .next = 12, .total = 12, .probability = 1}) == 1);
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
