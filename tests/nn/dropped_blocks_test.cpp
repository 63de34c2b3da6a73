// SPDX-License-Identifier: Apache-2.0
// A step without some blocks is the step of the smaller model and of the model with closed doors, bit for bit.
#include <doctest/doctest.h>

#include <raptr/models/gpt2.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/optim/optimizer.hpp>

#include "small_model.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

/// Elements of a full arena without those of one block.
template <class T> std::vector<T> without(std::vector<T> from, const weight_layout& layout, int block, int layers) {
  const auto start = [&](int b) { return b == layers ? layout.size() : layout.all()[layout.of(b, 0)].first; };
  from.erase(from.begin() + start(block), from.begin() + start(block + 1));
  return from;
}

/// Equal, or both NaN.
template <class T> bool same(const std::vector<T>& a, const std::vector<T>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](T x, T y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

template <class Block, class Objective, class Device> void dropped_blocks_are_a_smaller_model(sight kind) {
  model_shape less = tiny;
  --less.layers;
  rig<Block, Objective, Device> large(tiny, 3), small(less, 4);
  dice any(5);
  for (int gone = 0; gone < tiny.layers; ++gone) {
    const batch b = random_batch(any, kind);
    step_plan plan(large.layout()), all(small.layout());
    for (int l = 0, place = 0; l < tiny.layers; ++l) {
      if (l == gone) continue;
      plan.add(l).parts()[1].factor = all.add(place++).parts()[1].factor = 1.5;  // as a scale would have it
    }
    large.model.set_weights(large.w), small.model.set_weights(small.w = without(large.w, large.model.layout(), gone, tiny.layers));
    const double a = large.loss_with_gradient(plan, b), c = small.loss_with_gradient(all, b);
    CHECK(a == c);
    CHECK(same(without(large.gradient(), large.model.layout(), gone, tiny.layers), small.gradient()));

    optimizer<adamw, typename rig<Block, Objective, Device>::model_type> first(large.model, {}), second(small.model, {});
    const auto before = large.model.get_weights();
    first.step(large.model, 1e-2, 0.5), second.step(small.model, 1e-2, 0.5);
    CHECK(large.results()[0] == small.results()[0]);
    CHECK(large.results()[1] == small.results()[1]);
    const auto after = large.model.get_weights();
    CHECK(without(after, large.model.layout(), gone, tiny.layers) == small.model.get_weights());
    CHECK(after != before);
    each_element(large.model.layout(), plan, [&](const placed_weight& w, int, std::size_t k, bool on) {
      if (!on && (w.block != gone || after[k] != before[k])) FAIL_CHECK("a weight of block " << w.block << " moved");
    });
  }
}

template <class Block, class Objective, class Device> void dropped_blocks_are_closed_doors() {
  rig<Block, Objective, Device> r(tiny, 6);
  dice any(7);
  const batch b = random_batch(any, sight::causal);
  const step_plan plan = step_plan::of_blocks(r.layout(), {0, 2}), full = step_plan::full(r.layout());
  const double dropped = r.loss_with_gradient(plan, b);
  const auto g = r.gradient();
  for (const placed_weight& w : r.model.layout().all())
    if (w.block == 1 && is_way_out(w)) std::fill_n(r.w.begin() + w.first, w.size(), typename decltype(r.w)::value_type(0));
  r.model.set_weights(r.w);
  const double closed = r.loss_with_gradient(full, b);
  const auto h = r.gradient();
  CHECK(dropped == closed);
  int compared = 0;
  each_element(r.model.layout(), plan, [&](const placed_weight&, int, std::size_t k, bool on) {
    if (on) ++compared;
    if (on && g[k] != h[k]) FAIL_CHECK("element " << k);
  });
  CHECK(compared > 1000);
}

}  // namespace

TEST_CASE_TEMPLATE("A step without a block has the bits of a model without that block, optimizer included", Device, RAPTR_TEST_DEVICES) {
  dropped_blocks_are_a_smaller_model<gpt2_block, causal_lm, Device>(sight::causal);
  dropped_blocks_are_a_smaller_model<bert64, masked_lm, Device>(sight::both_sides);
}

TEST_CASE_TEMPLATE("A step without a block has the bits of the full step with the doors of that block closed", Device, RAPTR_TEST_DEVICES) {
  dropped_blocks_are_closed_doors<gpt2_block, causal_lm, Device>();
}
