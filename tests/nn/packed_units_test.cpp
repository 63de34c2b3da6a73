// SPDX-License-Identifier: Apache-2.0
// A step with some units of its parts is the full step with masks: their weights are packed, the others closed.
#include <doctest/doctest.h>

#include "small_model.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

/// Weights that close the way out of a part's unit: it adds nothing to the stream.
bool is_way_out(const placed_weight& w) {
  return w.what.name == "out" || w.what.name == "out_bias" || w.what.name == "down" || w.what.name == "down_bias";
}

template <class Block, class Objective, class Device> double packed_against_masked(int plans, unsigned seed) {
  rig<Block, Objective, Device> r(tiny, seed);
  dice any(seed);
  double worst = 0;
  for (int n = 0; n < plans; ++n) {
    const batch b = random_batch(any, sight(n % 3));
    const step_plan plan = random_plan(any, r.layout(), {.block = 1, .part = 1, .unit = 0.5});
    step_plan full(r.layout());
    for (const block_plan& from : plan.blocks()) {
      block_plan& to = full.add(from.block);
      for (std::size_t p = 0; p < 2; ++p) to.parts()[p].factor = from.parts()[p].factor;
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

TEST_CASE_TEMPLATE("A step with packed units is the full step with masks, to 1e-13 in double", Device, cpu, reference) {
  CHECK(packed_against_masked<gpt64, causal_lm, Device>(15, 21) < 1e-13);
  CHECK(packed_against_masked<mixture64, masked_lm, Device>(15, 22) < 1e-13);
}
