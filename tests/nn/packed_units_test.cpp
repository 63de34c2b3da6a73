// SPDX-License-Identifier: Apache-2.0
// A step with some units of its parts is the full step with masks: their weights are packed, the others closed.
#include <doctest/doctest.h>

#include <array>

#include "small_model.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

template <class Block, class Objective, class Device> double packed_against_masked(int plans, unsigned seed, const model_shape& shape = tiny) {
  rig<Block, Objective, Device> r(shape, seed);
  dice any(seed);
  double worst = 0;
  for (int n = 0; n < plans; ++n) {
    const batch b = random_batch(any, sight(n % 3), shape);
    const step_plan plan = random_plan(any, r.layout(), {.block = 1, .part = 1, .unit = 0.5});
    step_plan full(r.layout());
    for (const block_plan& from : plan.blocks()) {
      block_plan& to = full.add(from.block);
      for (std::size_t p = 0; p < 2; ++p) to.parts()[p].factor = from.parts()[p].factor, to.parts()[p].unit_factor = from.parts()[p].unit_factor;
    }
    const double packed = r.loss_with_gradient(plan, b);
    const auto g = r.gradient();
    auto masked = r.w;
    each_element(r.model.layout(), plan, [&](const placed_weight& w, int, std::size_t k, bool on) {
      if (!on && is_way_out(w)) masked[k] = 0;
    });
    std::swap(masked, r.w), r.model.set_weights(r.w);
    const double whole = r.loss_with_gradient(full, b);
    worst = std::max({worst, std::abs(packed - whole) / whole, gap(r.model.layout(), plan, g, r.gradient())});
    std::swap(masked, r.w), r.model.set_weights(r.w);
  }
  return worst;
}

}  // namespace

TEST_CASE_TEMPLATE("A step with packed units is the full step with masks, to 1e-13 in double", Device, RAPTR_TEST_DEVICES) {
  CHECK(packed_against_masked<gpt64, causal_lm, Device>(10, 21) < 1e-13);
  CHECK(packed_against_masked<gated64, masked_lm, Device>(10, 23, tiny_shared) < 1e-13);
  CHECK(packed_against_masked<mixture64, masked_lm, Device>(10, 22) < 1e-13);
  CHECK(packed_against_masked<qwen64, causal_lm, Device>(10, 27, tiny_qwen) < 1e-13);
}

TEST_CASE_TEMPLATE("The factor of units multiplies their way out and nothing else: no output bias", Device, RAPTR_TEST_DEVICES) {
  rig<gpt64, causal_lm, Device> r(tiny_shared, 24);
  dice any(25);
  const batch b = random_batch(any, sight::causal);
  const step_plan full = step_plan::full(r.layout());
  const std::vector<double> w = r.w;
  for (const placed_weight& p : r.model.layout().all())
    if (is_way_out(p) && p.what.per_unit)
      for (std::int64_t i = 0; i < p.size(); ++i) r.w[static_cast<std::size_t>(p.first + i)] *= 2.5;
  r.model.set_weights(r.w);
  const double scaled = r.loss(full, b);
  r.w = w, r.model.set_weights(w);
  const double plain = r.loss(full, b);
  const step_plan plan = changed_plan(r.layout(), [](block_plan& block) {
    for (part_plan& part : block.parts()) part.unit_factor = 2.5;
  });
  CHECK(r.loss(plan, b) == doctest::Approx(scaled).epsilon(1e-13));
  CHECK(std::abs(scaled - plain) > 1e-4);
}

TEST_CASE("Random plans keep and drop every group of heads and of neurons") {
  const network_layout layout = layout_of<gpt64>(tiny_shared);
  REQUIRE(layout.parts()[0].units == 2);
  REQUIRE(layout.parts()[1].units == 3);
  dice any(26);
  std::array<std::array<std::array<int, 2>, 3>, 2> seen{};  // part, unit, kept
  for (int n = 0; n < 15; ++n) {
    const step_plan plan = random_plan(any, layout);
    for (const block_plan& b : plan.blocks())
      for (std::size_t p = 0; p < 2; ++p)
        for (std::size_t u = 0; u < std::size_t(layout.parts()[p].units); ++u) {
          const auto& kept = b.parts()[p].units;
          ++seen[p][u][std::any_of(kept.begin(), kept.end(), [&](const unit_range& r) { return int(u) >= r.first && int(u) < r.first + r.count; })];
        }
  }
  for (std::size_t p = 0; p < 2; ++p)
    for (std::size_t u = 0; u < std::size_t(layout.parts()[p].units); ++u) {
      CHECK(seen[p][u][0] > 0);
      CHECK(seen[p][u][1] > 0);
    }
}
