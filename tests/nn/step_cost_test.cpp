// SPDX-License-Identifier: Apache-2.0
// What is dropped costs neither arithmetic nor memory, and what a step costs is known before it runs.
#include <doctest/doctest.h>

#include "small_model.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

template <class Block, class Objective> double multiply_adds(const step_plan& plan, const batch& b, const model_shape& shape) {
  return transformer<Block, Objective, host_device>(shape).needs(plan, b).multiply_adds;
}
std::size_t rounded(std::size_t numbers) { return (numbers * sizeof(double) + 63) / 64 * 64; }

}  // namespace

TEST_CASE_TEMPLATE("The activations of a plan are estimated to the byte, and shrink by exactly those of the dropped blocks", Device,
                   RAPTR_TEST_DEVICES) {
  rig<gpt64, causal_lm, Device> r(tiny, 51);
  dice any(52);
  for (int n = 0; n < 20; ++n) {
    const batch b = random_batch(any, sight::causal);
    const step_plan plan = random_plan(any, r.layout(), {.block_factors = true});
    const std::size_t estimated = r.model.activation_bytes(plan, b);
    r.model.begin(plan), r.model.accumulate(plan, b);
    CHECK(estimated == r.model.activation_peak());
  }
  const batch b = random_batch(any, sight::causal);
  const std::size_t n = b.ids.size(), c = 8, heads = 2, neurons = 12;
  const std::size_t a_block =
      2 * (2 * rounded(n * c) + rounded(n)) + rounded(3 * n * c) + rounded(n * c) + rounded(n * heads) + 2 * rounded(n * neurons);
  const std::size_t three = r.model.activation_bytes(step_plan::full(r.layout()), b),
                    two = r.model.activation_bytes(step_plan::of_blocks(r.layout(), {0, 2}), b),
                    one = r.model.activation_bytes(step_plan::of_blocks(r.layout(), {1}), b);
  CHECK(three - two == a_block);
  CHECK(two - one == a_block);
}

TEST_CASE("A dropped block costs no arithmetic: multiply-adds are those of the kept blocks and the head, exactly") {
  model_shape shape = tiny;
  shape.layers = 6;
  dice any(61);
  const batch b = random_batch(any, sight::causal, shape);
  const double n = double(b.ids.size()), t = double(b.targets.size());
  const double block = 3 * n * (4 * 8 * 8 + 2 * 8 * 12), head = 3 * t * 8 * 11;
  const network_layout layout = layout_of<gpt64>(shape);
  unit_set blocks;
  for (int kept = 1; kept <= 6; ++kept) {
    blocks.add(6 - kept);
    CHECK(multiply_adds<gpt64, causal_lm>(step_plan::of_blocks(layout, blocks), b, shape) == kept * block + head);
  }
  step_plan one_head(layout);
  one_head.add(3).parts()[0].units.assign(1, {1, 1});
  CHECK(multiply_adds<gpt64, causal_lm>(one_head, b, shape) == 3 * n * (4 * 8 * 4 + 2 * 8 * 12) + head);
  const network_layout bert = layout_of<bert64>(shape);
  CHECK(multiply_adds<bert64, masked_lm>(step_plan::of_blocks(bert, {0, 5}), b, shape) == 2 * block + head + 3 * t * 8 * 8);
}

TEST_CASE("The price of a unit is what its products need, also where heads share keys and neurons come in groups") {
  dice any(62);
  const batch b = random_batch(any, sight::causal, tiny_shared);
  const network_layout layout = layout_of<gpt64>(tiny_shared);
  const step_plan full = step_plan::full(layout);
  const double scores = 4.0 * 8 * 2 * 2 / 2;  // causal, two queries of width 2
  CHECK(layout.parts()[0].axis == "heads");
  CHECK(layout.parts()[1].axis == "neurons");
  for (std::size_t p = 0; p < 2; ++p) {
    const step_plan less = changed_plan(layout, [&](block_plan& block) {
      if (block.block == 1) block.parts()[p].units.assign(1, {1, layout.parts()[p].units - 1});
    });
    const double saved = multiply_adds<gpt64, causal_lm>(full, b, tiny_shared) - multiply_adds<gpt64, causal_lm>(less, b, tiny_shared);
    CHECK(2 * saved == 3 * double(b.ids.size()) * (layout.parts()[p].flops_per_unit - (p == 0 ? scores : 0)));
  }
}
