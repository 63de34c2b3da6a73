// SPDX-License-Identifier: Apache-2.0
// A factor on the learning rate of blocks alone: the model's own weights move as ever.
#include <doctest/doctest.h>

#include <raptr/nn/objectives/masked_lm.hpp>
#include <raptr/optim/optimizer.hpp>
#include <raptr/optim/sgd.hpp>

#include "small_model.hpp"

using namespace raptr;
using namespace raptr::testing;

TEST_CASE_TEMPLATE("The rate of blocks multiplies the step of every weight of a block, kept or dropped, and of no other", Device,
                   RAPTR_TEST_DEVICES) {
  for (const dropped_update dropped : {dropped_update::frozen, dropped_update::zero_gradient, dropped_update::decay_only}) {
    rig<bert64, masked_lm, Device> r;
    using model_type = typename rig<bert64, masked_lm, Device>::model_type;
    const step_plan plan = step_plan::of_blocks(r.layout(), {0, 2}), full = step_plan::full(r.layout());
    dice any(95);
    const batch b = random_batch(any, sight::both_sides);
    const sgd rule{.momentum = 0.5, .weight_decay = 0.1};
    optimizer<sgd, model_type> one(r.model, rule, dropped), other(r.model, rule, dropped);
    const auto moved = [&](optimizer<sgd, model_type>& optim, double rate, auto... block_rate) {
      r.model.set_weights(r.w);
      r.model.begin(full), r.model.accumulate(full, b), optim.step(r.model, 0, 0);  // momentum for every weight
      r.model.begin(plan), r.model.accumulate(plan, b), optim.step(r.model, rate, 1, block_rate...);
      return r.model.get_weights();
    };
    const auto plain = moved(one, 0.1), halved = moved(other, 0.1, 0.5);
    int own = 0, kept = 0, gone = 0;
    double worst = 0;
    each_element(r.model.layout(), plan, [&](const placed_weight& w, int, std::size_t k, bool on) {
      const double step = plain[k] - r.w[k], expected = w.block < 0 ? step : 0.5 * step;
      worst = std::max(worst, std::abs(halved[k] - r.w[k] - expected));
      if (step != 0) ++(w.block < 0 ? own : on ? kept : gone);
    });
    CHECK(worst < 1e-15);
    CHECK(own > 100);
    CHECK(kept > 100);
    CHECK((gone > 100) == (dropped != dropped_update::frozen));
  }
}
