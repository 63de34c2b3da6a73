// SPDX-License-Identifier: Apache-2.0
// Single steps with gradients made by hand, against numbers worked out on paper.
#include <doctest/doctest.h>

#include <raptr/models/gpt2.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/optim/optimizer.hpp>
#include <raptr/optim/sgd.hpp>

#include "small_model.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

/// A model whose weights are all 1 and whose gradient is the same number everywhere.
template <class Device, class Rule, class Block = gpt64> struct by_hand {
  using model_type = transformer<Block, causal_lm, Device>;
  using master = typename model_type::master;
  model_type model{tiny, small_options<Device>()};
  optimizer<Rule, model_type> optim;
  explicit by_hand(const Rule& rule, dropped_update dropped = dropped_update::frozen) : optim(start(model), rule, dropped) {}
  static model_type& start(model_type& m) {
    m.set_weights(std::vector<master>(static_cast<std::size_t>(m.layout().size()), master(1)));
    return m;
  }
  void step(const unit_set& blocks, master g, double rate, double clip = 0) {
    model.begin(step_plan::of_blocks(model.plan_layout(), blocks));
    std::vector<master> all(static_cast<std::size_t>(model.active().size), master(0));
    for (const param_range& r : model.active().kept) std::fill_n(all.begin() + r.packed, r.length, g);
    model.ops().upload(model.gradients(), all.data(), all.size());
    optim.step(model, rate, clip);
  }
  /// Some weight of a block.
  master weight_of(int block) {
    const auto w = model.get_weights();
    return w[static_cast<std::size_t>(model.layout().all()[model.layout().of(block, 1) + 2].first)];
  }
};
constexpr adamw plain{.lr = 0.01, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0};
const unit_set all_blocks{0, 1, 2}, first_block{0};

}  // namespace

TEST_CASE_TEMPLATE("A dropped block stands still when frozen, and goes on with its momentum under zero_gradient", Device, RAPTR_TEST_DEVICES) {
  by_hand<Device, adamw> frozen(plain), moving(plain, dropped_update::zero_gradient);
  frozen.step(all_blocks, 0.5, 0.01), moving.step(all_blocks, 0.5, 0.01);
  const double after = frozen.weight_of(1);
  CHECK(after == doctest::Approx(0.99).epsilon(1e-9));
  CHECK(moving.weight_of(1) == after);
  for (const double expected : {0.98329942, 0.97811985, 0.97387706, 0.97029094}) {
    frozen.step(first_block, 0.5, 0.01), moving.step(first_block, 0.5, 0.01);
    CHECK(frozen.weight_of(1) == after);
    CHECK(std::abs(moving.weight_of(1) - expected) < 1e-8);
  }
}

TEST_CASE_TEMPLATE("A block that starts late has a full first step when frozen, and a shorter one under zero_gradient", Device, RAPTR_TEST_DEVICES) {
  by_hand<Device, adamw> frozen(plain), moving(plain, dropped_update::zero_gradient), fading(plain, dropped_update::decay_only);
  frozen.step(first_block, 0.5, 0.01), moving.step(first_block, 0.5, 0.01), fading.step(first_block, 0.5, 0.01);
  CHECK(frozen.weight_of(1) == 1.0);
  CHECK(moving.weight_of(1) == 1.0);
  frozen.step(all_blocks, 0.5, 0.01), moving.step(all_blocks, 0.5, 0.01), fading.step(all_blocks, 0.5, 0.01);
  CHECK(std::abs(frozen.weight_of(1) - 0.99) < 1e-8);
  CHECK(std::abs(fading.weight_of(1) - 0.99) < 1e-8);
  CHECK(std::abs(moving.weight_of(1) - 0.99255863) < 1e-8);
}

TEST_CASE_TEMPLATE("Weight decay takes matrices and embeddings, once, and never norms and biases", Device, RAPTR_TEST_DEVICES) {
  by_hand<Device, adamw> one({.weight_decay = 0.1});
  one.step(all_blocks, 0.0, 0.1);
  const auto w = one.model.get_weights();
  int matrices = 0, others = 0;
  for (const placed_weight& p : one.model.layout().all()) {
    const bool vector = p.what.width == 1;
    CHECK(p.what.decays == !vector);
    for (std::int64_t i = 0; i < p.size(); ++i) {
      const double now = w[static_cast<std::size_t>(p.first + i)];
      if (vector ? now != 1.0 : std::abs(now - 0.99) > 1e-15) FAIL_CHECK(p.full_name() << " is " << now);
    }
    ++(vector ? others : matrices);
  }
  CHECK(matrices == 2 + 3 * 4);
  CHECK(others == 2 + 3 * 8);
}

TEST_CASE_TEMPLATE("Decay alone is all that a dropped block gets under decay_only", Device, RAPTR_TEST_DEVICES) {
  by_hand<Device, sgd> one({.momentum = 0.9, .weight_decay = 0.1}, dropped_update::decay_only);
  one.step(all_blocks, 0.5, 0.1);
  const double before = one.weight_of(1);
  one.step(first_block, 0.5, 0.1);
  CHECK(one.weight_of(1) == doctest::Approx(before * 0.99).epsilon(1e-14));
  CHECK(one.weight_of(0) == doctest::Approx(before - 0.1 * (0.9 * 0.5 + 0.5 + 0.1 * before)).epsilon(1e-14));
}

TEST_CASE_TEMPLATE("Clipping scales the gradient to the norm that is allowed, and leaves shorter ones alone", Device, RAPTR_TEST_DEVICES) {
  by_hand<Device, sgd> one({.momentum = 0});
  const double g = 0.5, norm = g * std::sqrt(double(one.model.layout().parameters()));
  one.step(all_blocks, g, 1.0, 1.0);
  CHECK(one.weight_of(1) == doctest::Approx(1 - g / norm).epsilon(1e-13));
  const double before = one.weight_of(1);
  one.step(all_blocks, g, 1.0, 2 * norm);
  CHECK(one.weight_of(1) == before - g);
  one.step(all_blocks, g, 1.0, 0);
  CHECK(one.weight_of(1) == before - 2 * g);
}

TEST_CASE_TEMPLATE("The moments of a block that is never drawn again end at 0 and are never subnormal", Device, RAPTR_TEST_DEVICES) {
  by_hand<Device, adamw, gpt2_block> one({.beta2 = 0.95, .weight_decay = 0}, dropped_update::zero_gradient);
  one.step(all_blocks, 0.5f, 1e-3);
  const auto size = static_cast<std::size_t>(one.model.layout().size());
  const auto place = static_cast<std::size_t>(one.model.layout().all()[one.model.layout().of(2, 0)].first);
  int subnormal = 0, left = 0;
  for (int step = 0; step < 1500; ++step) {
    one.step(first_block, 0.5f, 1e-3);
    if (step % 7 && step < 1499) continue;
    left = 0;
    for (int k = 0; k < 2; ++k) {
      const auto moment = download(one.model.ops(), static_cast<const float*>(one.optim.moment(k)), size);
      for (std::size_t i = place; i < size; ++i) subnormal += std::fpclassify(moment[i]) == FP_SUBNORMAL, left += moment[i] != 0.0f;
    }
  }
  CHECK(subnormal == 0);
  CHECK(left == 0);
}

TEST_CASE_TEMPLATE("An infinite or undefined gradient, or loss, leaves weights, moments and counts as they were", Device, RAPTR_TEST_DEVICES) {
  for (const auto dropped : {dropped_update::frozen, dropped_update::zero_gradient, dropped_update::decay_only})
    for (const double bad : {HUGE_VAL, -HUGE_VAL, std::numeric_limits<double>::quiet_NaN()})
      for (const bool in_loss : {false, true}) {
        by_hand<Device, adamw> one({}, dropped);
        one.step(all_blocks, 0.5, 0.01, 1);
        auto& model = one.model;
        const auto size = static_cast<std::size_t>(model.layout().size());
        const auto state = [&] {
          auto all = model.get_weights();
          for (int k = 0; k < 2; ++k)
            for (const double x : download(model.ops(), static_cast<const double*>(one.optim.moment(k)), size)) all.push_back(x);
          for (const int n : download(model.ops(), static_cast<const int*>(one.optim.counts()), one.optim.counts_size())) all.push_back(n);
          return all;
        };
        const auto before = state();
        model.begin(step_plan::of_blocks(model.plan_layout(), first_block));
        if (in_loss)
          model.ops().upload(model.results_data(), &bad, 1);
        else
          model.ops().upload(model.gradients() + model.active().kept[4].packed, &bad, 1);
        one.optim.step(model, 0.01, 1);
        CHECK(state() == before);
        model.begin(step_plan::of_blocks(model.plan_layout(), first_block));
        one.optim.step(model, 0.01, 1);
        CHECK(state() != before);
      }
}

namespace {
/// The length of step number `count`, in units of the rate, with the moments m and v of the steps before.
double length_of_step(const adamw& rule, int count, double g, double& m, double& v) {
  unit_scalars<double> u{1, 0, count, 1, 1};
  rule.prepare(u);
  double w = 0;
  rule.update(u, w, g, m, v);
  return -w;
}
}  // namespace

TEST_CASE("BERT's Adam has no bias correction: steps of 3.16, 6.53, 3.24 and 1.26 rates at 1, 10, 100 and 1000 equal gradients") {
  double m = 0, v = 0;
  for (int n = 1; n <= 1000; ++n) {
    const double length = length_of_step(bert_adam(), n, 1.0, m, v);
    for (const auto& [at, expected] : {std::pair{1, 3.16}, {10, 6.53}, {100, 3.24}, {1000, 1.26}})
      if (n == at) CHECK(std::abs(length - expected) < 0.005);
  }
}

TEST_CASE("Steady moments with a count of 0 make AdamW's steps too short, and BERT's Adam does not see the count") {
  const adamw rule{.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
  for (const auto& [count, expected] : {std::pair{1, 0.316}, {10, 0.153}, {100, 0.309}, {1000, 0.795}}) {
    double m = 1, v = 1;
    CHECK(std::abs(length_of_step(rule, count, 1.0, m, v) - expected) < 0.0005);
    m = 1, v = 1;
    CHECK(length_of_step(bert_adam(), count, 1.0, m, v) == doctest::Approx(1 / (1 + 1e-6)).epsilon(1e-12));
  }
}

TEST_CASE("BERT's Adam has its epsilon outside the root and its numbers by default") {
  constexpr adamw rule = bert_adam(2e-4);
  static_assert(rule.lr == 2e-4 && rule.beta1 == 0.9 && rule.beta2 == 0.999 && rule.eps == 1e-6 && rule.weight_decay == 0.01);
  static_assert(bert_adam().lr == 1e-4 && !bert_adam().bias_correction && adamw{}.bias_correction);
  double m = 0, v = 0;
  CHECK(length_of_step(rule, 1, 1e-4, m, v) == doctest::Approx(1e-5 / (std::sqrt(1e-3) * 1e-4 + 1e-6)).epsilon(1e-12));
  CHECK(rule.settings() == "adamw, beta1 0.9, beta2 0.999, eps 0.000001, no bias correction");
  CHECK(adamw{}.settings() == "adamw, beta1 0.9, beta2 0.95, eps 0.00000001");
}

TEST_CASE_TEMPLATE("Under BERT's Adam a frozen block stands still, and one that starts late takes the first step of any other", Device,
                   RAPTR_TEST_DEVICES) {
  adamw rule = bert_adam();
  rule.weight_decay = 0;
  by_hand<Device, adamw> frozen(rule), moving(rule, dropped_update::zero_gradient);
  for (int n = 0; n < 9; ++n) frozen.step(first_block, 0.5, 0.01), moving.step(first_block, 0.5, 0.01);
  CHECK(frozen.weight_of(1) == 1.0);
  CHECK(moving.weight_of(1) == 1.0);
  const double before = frozen.weight_of(0);
  frozen.step(all_blocks, 0.5, 0.01), moving.step(all_blocks, 0.5, 0.01);
  CHECK(1 - frozen.weight_of(1) == doctest::Approx(0.0316).epsilon(1e-3));
  CHECK(moving.weight_of(1) == frozen.weight_of(1));  // the count of 10 changes nothing
  CHECK(before - frozen.weight_of(0) == doctest::Approx(0.0653).epsilon(1e-3));
  const double after = frozen.weight_of(1);
  frozen.step(first_block, 0.5, 0.01), moving.step(first_block, 0.5, 0.01);
  CHECK(frozen.weight_of(1) == after);
  CHECK(after - moving.weight_of(1) == doctest::Approx(0.01 * 0.9 * 0.1 / std::sqrt(0.999 * 0.001)).epsilon(1e-3));
}
