// SPDX-License-Identifier: Apache-2.0
// Ten steps with changing plans against an optimizer that is written unit by unit in the obvious way, with gradients of NaN
// wherever the plan does not train.
#include <doctest/doctest.h>

#include <set>

#include <raptr/nn/objectives/masked_lm.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/optim/optimizer.hpp>
#include <raptr/optim/sgd.hpp>

#include "small_model.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

template <class Block, class Objective, class Device, class Rule> void steps_are_per_unit(const Rule& rule, dropped_update inactive, unsigned seed) {
  rig<Block, Objective, Device> r(tiny, seed, small_options<Device>(seed % 2 == 0));
  optimizer<Rule, typename rig<Block, Objective, Device>::model_type> optim(r.model, rule, inactive);
  auto& ops = r.model.ops();
  dice any(seed);
  const weight_layout& layout = r.model.layout();
  const auto arena_of = [&](const double* p) { return download(ops, p, r.w.size()); };
  std::vector<double> w = r.w, m(w.size()), v(w.size());
  std::vector<int> counts(static_cast<std::size_t>(layout.unit_ids()));
  const double clip = 0.5, rate = 1e-2;
  double gap_of_weights = 0, gap_of_moments = 0;
  bool kept_bits = true, same_counts = true, read_poison = false, clipped = false;
  for (int step = 0; step < 10; ++step) {
    const step_plan plan = random_plan(any, r.layout());
    const auto w0 = arena_of(r.model.weights()), m0 = arena_of(optim.moment(Rule::moments - 1));
    r.w = w0;  // poison() puts them back
    r.loss_with_gradient(plan, random_batch(any, sight(step % 3)));
    const auto g = r.gradient();
    optim.step(r.model, rate, clip);
    const auto w1 = arena_of(r.model.weights()), m1 = arena_of(optim.moment(Rule::moments - 1));

    double squares = 0;
    std::set<int> counted;
    each_element(layout, plan, [&](const placed_weight& p, int unit, std::size_t k, bool on) {
      const int id = p.unit + unit;
      if ((on || inactive == dropped_update::zero_gradient) && counted.insert(id).second) ++counts[static_cast<std::size_t>(id)];
      if (on) squares += g[k] * g[k];
      read_poison = read_poison || std::isnan(g[k]) == on || !std::isfinite(w1[k]) || !std::isfinite(m1[k]);
      if (!on && inactive == dropped_update::frozen) kept_bits = kept_bits && w0[k] == w1[k] && m0[k] == m1[k];
    });
    clipped = clipped || std::sqrt(squares) > clip;
    CHECK(r.results()[1] == doctest::Approx(squares).epsilon(1e-12));
    each_element(layout, plan, [&](const placed_weight& p, int unit, std::size_t k, bool on) {
      const double decay = p.what.decays ? rule.weight_decay : 0, grad = on ? g[k] * std::min(1.0, clip / std::sqrt(squares)) : 0;
      const double t = counts[static_cast<std::size_t>(p.unit + unit)];
      if (!on && inactive == dropped_update::frozen) return;
      if (!on && inactive == dropped_update::decay_only) {
        w[k] -= rate * decay * w[k];
        return;
      }
      if constexpr (Rule::moments == 2) {
        m[k] = rule.beta1 * m[k] + (1 - rule.beta1) * grad, v[k] = rule.beta2 * v[k] + (1 - rule.beta2) * grad * grad;
        const double one = rule.bias_correction ? 1 - std::pow(rule.beta1, t) : 1, two = rule.bias_correction ? 1 - std::pow(rule.beta2, t) : 1;
        const double mean = m[k] / one, root = std::sqrt(v[k] / two);
        w[k] -= rate * (mean / (root + rule.eps) + decay * w[k]);
        gap_of_moments = std::max(gap_of_moments, std::abs(v[k] - m1[k]));
      } else {
        m[k] = rule.momentum * m[k] + grad;
        w[k] -= rate * (m[k] + decay * w[k]);
        gap_of_moments = std::max(gap_of_moments, std::abs(m[k] - m1[k]));
      }
      gap_of_weights = std::max(gap_of_weights, std::abs(w[k] - w1[k]));
    });
    same_counts = same_counts && download(ops, static_cast<const int*>(optim.counts()), optim.counts_size()) == counts;
  }
  CHECK(gap_of_weights < 1e-13);
  CHECK(gap_of_moments < 1e-13);
  CHECK(kept_bits);
  CHECK(same_counts);
  CHECK_FALSE(read_poison);
  CHECK(clipped);
}

}  // namespace

TEST_CASE_TEMPLATE("AdamW steps every unit by its own count, under all rules for dropped parts", Device, RAPTR_TEST_DEVICES) {
  const adamw rule{.weight_decay = 0.1};
  steps_are_per_unit<mixture64, masked_lm, Device>(rule, dropped_update::frozen, 1);
  steps_are_per_unit<mixture64, masked_lm, Device>(rule, dropped_update::zero_gradient, 2);
  steps_are_per_unit<mixture64, masked_lm, Device>(rule, dropped_update::decay_only, 3);
}

TEST_CASE_TEMPLATE("BERT's Adam steps every unit without bias correction, under all rules for dropped parts", Device, RAPTR_TEST_DEVICES) {
  steps_are_per_unit<mixture64, masked_lm, Device>(bert_adam(), dropped_update::frozen, 7);
  steps_are_per_unit<mixture64, masked_lm, Device>(bert_adam(), dropped_update::zero_gradient, 8);
  steps_are_per_unit<mixture64, masked_lm, Device>(bert_adam(), dropped_update::decay_only, 9);
}

TEST_CASE_TEMPLATE("SGD steps every unit with its own momentum, under all rules for dropped parts", Device, RAPTR_TEST_DEVICES) {
  const sgd rule{.weight_decay = 0.1};
  steps_are_per_unit<gpt64, causal_lm, Device>(rule, dropped_update::frozen, 4);
  steps_are_per_unit<gpt64, causal_lm, Device>(rule, dropped_update::zero_gradient, 5);
  steps_are_per_unit<gpt64, causal_lm, Device>(rule, dropped_update::decay_only, 6);
}
