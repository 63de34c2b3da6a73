// SPDX-License-Identifier: Apache-2.0
// What is asked of every row of the covering set, for the rows of one block: gradients, packing, the update of what is
// dropped, bits and resumes. In double where numbers are compared; in float, as users train, where bits are.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>

#include <raptr/checkpoint/checkpoint.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/optim/optimizer.hpp>

#include "covering.hpp"
#include "gradient_check.hpp"
#include "scratch_folder.hpp"
#include "small_run.hpp"

namespace raptr::testing {

/// f(row, its number) for the rows of one block.
template <class F> void each_row_of(int block, F f) {
  const std::vector<choice> rows = covering_rows();
  int found = 0;
  for (std::uint64_t number = 0; number < rows.size(); ++number) {
    const choice& row = rows[number];
    if (row[of_block] != block) continue;
    const std::string text = text_of_choice(row);
    CAPTURE(text);
    f(row, number), ++found;
  }
  CHECK(found > 8);
}

/// The plan as sequence s sees it: only the blocks through which it passes.
inline step_plan seen_by_sequence(const step_plan& plan, int s) {
  step_plan alone(plan.layout());
  for (const block_plan& from : plan.blocks()) {
    if (!from.sequences.empty() && !std::binary_search(from.sequences.begin(), from.sequences.end(), s)) continue;
    block_plan& to = alone.add(from.block);
    to.factor = from.factor;
    std::copy(from.parts().begin(), from.parts().end(), to.parts().begin());
  }
  return alone;
}
/// The same factors on all units. A part that is dropped is the identity under pre-norm if its way out is closed, so there
/// all parts of all blocks are in it; a post-norm would still norm, so there a dropped part stays dropped.
inline step_plan with_all_units(const step_plan& plan, bool norm_first) {
  step_plan full(plan.layout());
  for (int l = 0; l < plan.layout().shape.layers; ++l) {
    if (!norm_first && !plan.has(l)) continue;
    block_plan& to = full.add(l);
    if (!plan.has(l)) continue;
    const block_plan& from = plan.block(l);
    to.factor = from.factor;
    for (std::size_t p = 0; p < to.parts().size(); ++p) {
      to.parts()[p].factor = from.parts()[p].factor, to.parts()[p].unit_factor = from.parts()[p].unit_factor;
      if (!norm_first && from.parts()[p].units.empty()) to.parts()[p].units.clear();
    }
  }
  return full;
}

template <class Block, class Objective> class covered {
  using double_block = block<Block, fp64>;
  using rig_type = rig<double_block, Objective, host_device>;
  using run_model = transformer<Block, Objective, host_device>;
  using run_type = trainer<run_model, any_schedule, adamw, completep_rate<warmup_linear>>;
  static constexpr bool norm_first = Block::residual::norm_first;

 public:
  /// of_runs: the shape of what is trained to compare bits.
  explicit covered(int of, const model_shape& of_runs = four_of_all) : block_(of), of_runs_(of_runs) {}

  /// Every tensor of every plan, in double. h: the step of the differences.
  void gradients(double h = 2e-6) const {
    double worst = 0;
    int tensors = 0, plans = 0;
    each_row_of(block_, [&](const choice& row, std::uint64_t number) {
      rig_type r(four_of_all, unsigned(number));
      dice any{unsigned(number)};
      double worst_here = 0;
      for (const step_plan& plan : plans_of(row, number, r.layout(sequences_of_a_step))) {
        const batch b = random_batch(any, sight(plans++ % 3), four_of_all, sequences_of_a_step);
        r.loss_with_gradient(plan, b);
        const auto g = r.gradient();
        std::map<const placed_weight*, std::vector<std::size_t>> elements;
        each_element(r.model.layout(), plan, [&](const placed_weight& w, int, std::size_t k, bool on) {
          if (on) elements[&w].push_back(k);
        });
        for (const auto& [w, some] : elements) {
          const double error = slope_error(r, any, plan, b, g, some, h);
          worst_here = std::isfinite(error) ? std::max(worst_here, error) : HUGE_VAL;
          ++tensors;
        }
        r.model.set_weights(r.w);
      }
      CHECK(worst_here < 1e-6);
      worst = std::max(worst, worst_here);
    });
    MESSAGE(plans << " plans, " << tensors << " tensors, worst relative error " << worst);
  }

  /// Loss and gradient of every plan are the sum of its sequences, each by a step with all units and closed ways out.
  void packing() const {
    double worst = 0;
    int plans = 0;
    each_row_of(block_, [&](const choice& row, std::uint64_t number) {
      rig_type r(four_of_all, unsigned(number));
      const weight_layout& layout = r.model.layout();
      dice any{unsigned(number) + 1000};
      for (const step_plan& plan : plans_of(row, number, r.layout(sequences_of_a_step))) {
        const batch b = random_batch(any, sight(plans++ % 3), four_of_all, sequences_of_a_step);
        const double loss = r.loss_with_gradient(plan, b);
        const auto g = r.gradient();
        const auto weights = r.w;
        double masked_loss = 0;
        std::vector<double> masked(r.w.size(), 0.0);
        for (int s = 0; s < sequences_of_a_step; ++s) {
          const step_plan alone = seen_by_sequence(plan, s);
          each_element(layout, alone, [&](const placed_weight& w, int, std::size_t k, bool on) {
            if (!on && is_way_out(w)) r.w[k] = 0;
          });
          r.model.set_weights(r.w);
          masked_loss += r.loss_with_gradient(with_all_units(alone, norm_first), part_of(b, std::size_t(s), 1));
          const auto h = r.gradient();
          each_element(layout, alone, [&](const placed_weight&, int, std::size_t k, bool on) {
            if (on) masked[k] += h[k];
          });
          r.model.set_weights(r.w = weights);
        }
        const double difference = std::max(std::abs(loss - masked_loss) / masked_loss, gap(layout, plan, g, masked));
        CHECK(difference < 1e-13);
        worst = std::max(worst, difference);
      }
    });
    MESSAGE(plans << " plans, largest difference " << worst);
  }

  /// What the rule of the row does to weights, moments and counts outside the plan: to the bit where nothing may move.
  void updates() const {
    int outside = 0;
    each_row_of(block_, [&](const choice& row, std::uint64_t number) {
      const auto rule = dropped_update(row[of_dropped]);
      rig_type r(four_of_all, unsigned(number));
      const adamw adam{.weight_decay = 0.1};
      optimizer<adamw, typename rig_type::model_type> optim(r.model, adam, rule);
      const weight_layout& layout = r.model.layout();
      dice any{unsigned(number) + 2000};
      const auto state = [&] {
        const auto arena = [&](const double* from) { return download(r.model.ops(), from, r.w.size()); };
        return std::array{arena(r.model.weights()), arena(optim.moment(0)), arena(optim.moment(1))};
      };
      const auto counts = [&] { return download(r.model.ops(), static_cast<const int*>(optim.counts()), optim.counts_size()); };
      const double rate = 1e-2;
      const auto step = [&](const step_plan& plan) {
        r.w = r.model.get_weights();
        r.loss_with_gradient(plan, random_batch(any, sight::both_sides, four_of_all, sequences_of_a_step));
        optim.step(r.model, rate, 0.5);
      };
      step(step_plan::full(r.layout(sequences_of_a_step)));  // so that every moment and count is something
      int wrong = 0, wrong_counts = 0, moved = 0;
      for (const step_plan& plan : plans_of(row, number, r.layout(sequences_of_a_step))) {
        const auto before = state();
        const auto counted = counts();
        step(plan);
        const auto after = state();
        const auto counts_after = counts();
        const auto near = [](double x, double y) { return std::abs(x - y) <= 1e-14 * (std::abs(x) + 1e-3); };
        each_element(layout, plan, [&](const placed_weight& w, int unit, std::size_t k, bool on) {
          const auto id = std::size_t(w.unit + unit);
          const int n = counted[id] + (on || rule == dropped_update::zero_gradient);
          wrong_counts += counts_after[id] != n;
          moved += on && before[0][k] != after[0][k];
          if (on) return;
          ++outside;
          const double w0 = before[0][k], m0 = before[1][k], v0 = before[2][k], decay = w.what.decays ? adam.weight_decay : 0;
          if (rule == dropped_update::frozen) {
            wrong += w0 != after[0][k] || m0 != after[1][k] || v0 != after[2][k];
          } else if (rule == dropped_update::decay_only) {
            wrong += !near(after[0][k], w0 - rate * decay * w0) || m0 != after[1][k] || v0 != after[2][k];
          } else {
            const double m = adam.beta1 * m0, v = adam.beta2 * v0;
            const double mean = m / (1 - std::pow(adam.beta1, n)), root = std::sqrt(v / (1 - std::pow(adam.beta2, n)));
            wrong += !near(after[0][k], w0 - rate * (mean / (root + adam.eps) + decay * w0)) || !near(after[1][k], m) || !near(after[2][k], v);
          }
        });
      }
      CHECK(wrong == 0);
      CHECK(wrong_counts == 0);
      CHECK(moved > 300);
    });
    MESSAGE(outside << " elements outside the plan");
    CHECK(outside > 10'000);
  }

  /// A run with one thread, one with two, and one that was stopped and resumed.
  void bits() const {
    const token_list tokens(200);
    each_row_of(block_, [&](const choice& row, std::uint64_t number) {
      std::vector<std::string> reports, again;
      run_type one = made(row, 1), two = made(row, 2);
      one.run(tokens, options(number), [&](const step_report& r) { reports.push_back(facts_of(r)); });
      two.run(tokens, options(number), [&](const step_report& r) { again.push_back(facts_of(r)); });
      const auto expected = state_of(one);
      CHECK(std::ssize(reports) == covering_steps);
      CHECK(reports == again);
      CHECK(state_of(two) == expected);

      const std::int64_t stop = 2 + std::int64_t(number) % 5;
      scratch_folder folder;
      {
        std::stop_source source;
        run_type first = made(row, 2);
        run_options some = options(number);
        some.stop = source.get_token();
        first.run(tokens, some, [&](const step_report& r) {
          if (r.step + 2 == stop) source.request_stop();  // a report comes one step late
        });
        REQUIRE(first.done().step == stop);
        save_checkpoint(folder / "saved", first, tokens.vocabulary());
      }
      run_type second = made(row, 1);
      load_checkpoint(folder / "saved", second);
      again.clear();
      second.run(tokens, options(number), [&](const step_report& r) { again.push_back(facts_of(r)); });
      CHECK(std::ssize(again) == covering_steps - stop);
      CHECK(std::equal(again.begin(), again.end(), reports.begin() + stop, reports.end()));
      CHECK(state_of(second) == expected);
    });
  }

 private:
  run_type made(const choice& row, int threads) const {
    return {run_model(of_runs_, {threads}), schedule_of(row), adamw{.lr = 1e-2}, completep_rate<warmup_linear>{{.warmup = 3}, 0.5},
            update_options{.dropped = dropped_update(row[of_dropped])}};
  }
  static run_options options(std::uint64_t seed) {
    return {.steps = covering_steps, .batch = sequences_of_a_step / 2, .accumulate = 2, .seed = seed};
  }
  /// Weights, moments and counts. Memory that no tensor uses is not among them.
  static std::vector<double> state_of(run_type& t) {
    auto& model = t.model();
    const auto size = std::size_t(model.layout().size());
    std::vector<double> all;
    for (const float* from : {model.weights(), t.optimizer().moment(0), t.optimizer().moment(1)}) {
      const auto arena = download(model.ops(), from, size);
      for (const placed_weight& w : model.layout().all()) all.insert(all.end(), arena.begin() + w.first, arena.begin() + w.first + w.size());
    }
    for (const int n : download(model.ops(), static_cast<const int*>(t.optimizer().counts()), t.optimizer().counts_size())) all.push_back(n);
    return all;
  }

  int block_;
  model_shape of_runs_;
};

}  // namespace raptr::testing
