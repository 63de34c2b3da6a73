// SPDX-License-Identifier: Apache-2.0
// The hook between backward pass and update: it sees the gradients, weights and activations of the step that is reported, and
// nothing else changes.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>

#include "run_text.hpp"
#include "scratch_folder.hpp"
#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

template <class Model> double norm_of(const inspection<Model>& seen) {
  double sum = 0;
  for (std::size_t k = 0; k < seen.model().layout().all().size(); ++k)
    for (const auto g : seen.gradient(k)) sum += double(g) * double(g);
  return std::sqrt(sum);
}

/// Ten steps: the norm in the hook is that of the report of the same step, and the run ends with the bits of one without a hook.
template <class Device, class Block = gpt2_block, class Objective = causal_lm>
void sees_the_step_that_is_reported(const char* schedule, run_options options, Objective objective = {}, int skipped = 0) {
  CAPTURE(schedule);
  options.steps = 10;
  small_run<Device, Block, Objective> watched(schedule, dropped_update::frozen, {.lr = 1e-2}, run_shape, small_options<Device>(), objective),
      alone(schedule, dropped_update::frozen, {.lr = 1e-2}, run_shape, small_options<Device>(), objective);
  std::map<std::int64_t, double> norms;
  watched.trainer.inspect([&](const auto& seen) { norms[seen.position().step] = norm_of(seen); });
  int equal = 0, without = 0;
  watched.trainer.run(text, options, [&](const step_report& r) {
    equal += std::abs(norms.at(r.step) - r.gradient_norm) <= 1e-6 * r.gradient_norm;
    without += r.skipped();
  });
  alone.trainer.run(text, options);
  CHECK(norms.size() == 10);
  CHECK(equal == 10);
  CHECK(without == skipped);
  CHECK(watched.state() == alone.state());
}

}  // namespace

TEST_CASE_TEMPLATE("The norm of the gradients in the hook is that of the report of the same step", Device, RAPTR_TEST_DEVICES) {
  sees_the_step_that_is_reported<Device>("full", {.batch = 2});
  sees_the_step_that_is_reported<Device>("2-3-full", {.batch = 2, .clip = 0.05});
  sees_the_step_that_is_reported<Device>("heads 1/2-full with neurons 1/3-full", {.batch = 2, .accumulate = 3});
  sees_the_step_that_is_reported<Device>("sequences 1/2-full", {.batch = 2, .accumulate = 2, .clip = 0});
  sees_the_step_that_is_reported<Device>("stack:2-4", {.batch = 1});
}

TEST_CASE("The hook is called in a step without a target too, with gradients of zero and no activations") {
  small_run<host_device, bert_block, masked_lm> run("full", dropped_update::frozen, {.lr = 1e-2}, run_shape, {1},
                                                    {.rate = 0.02, .masking = masking::independent});
  std::set<std::int64_t> zero, none;
  run.trainer.inspect([&](const auto& seen) {
    if (norm_of(seen) == 0) zero.insert(seen.position().step);
    if (seen.rows(0) == 0) {
      CHECK(has(sentence_of<input_error>([&] { (void)seen.template saved<1>(0); }), "has no activations"));
      none.insert(seen.position().step);
    }
  });
  std::set<std::int64_t> skipped;
  run.trainer.run(text, {.steps = 20, .batch = 1}, [&](const step_report& r) {
    if (r.skipped()) skipped.insert(r.step);
  });
  CHECK(skipped.size() > 3);
  CHECK(skipped.size() < 20);
  CHECK(zero == skipped);
  CHECK(none == skipped);
}

TEST_CASE("Only what trains is seen: packed rows of kept units, weights before the update, the gradient that the first moment takes") {
  small_run<host_device> run("2-full with heads 1/2-full", dropped_update::frozen, {.lr = 1e-2, .beta1 = 0.5});
  const weight_layout& layout = run.trainer.model().layout();
  std::vector<float> before;
  std::map<std::size_t, std::vector<float>> seen_gradients;
  int dropped = 0, halves = 0;
  run.trainer.inspect([&](const auto& seen) {
    const auto arena = seen.model().get_weights();
    for (std::size_t k = 0; k < layout.all().size(); ++k) {
      const placed_weight& w = layout.all()[k];
      const auto g = seen.gradient(k), now = seen.weights(k);
      std::vector<float> expected;
      for (int unit = 0; unit < w.units; ++unit)
        if (trains(seen.plan(), w, unit)) {
          const auto from = arena.begin() + w.first + unit * w.per_unit;
          expected.insert(expected.end(), from, from + w.per_unit);
        }
      CHECK(now == expected);
      CHECK(g.size() == expected.size());
      dropped += g.empty(), halves += !g.empty() && std::int64_t(g.size()) == w.size() / 2;
      if (seen.position().step == 0) seen_gradients[k] = g;
    }
  });
  std::vector<float> moments;
  run_options one{.steps = 4, .batch = 2, .clip = 0};
  std::stop_source stop;
  one.stop = stop.get_token();
  stop.request_stop();
  run.trainer.run(text, one);
  REQUIRE(run.trainer.done().step == 1);
  moments = download(run.trainer.model().ops(), static_cast<const float*>(run.trainer.optimizer().moment(0)), std::size_t(layout.size()));
  int compared = 0;
  for (const param_range& r : run.trainer.model().active().kept)
    for (std::int64_t i = 0, at = 0; i < r.length; ++i, ++at) {
      // The ranges of a tensor follow each other in the packed gradient.
      const auto& g = seen_gradients.at(std::size_t(r.tensor));
      const auto first = run.trainer.model().active().weights[std::size_t(r.tensor)].packed;
      compared += moments[std::size_t(r.first + i)] == 0.5f * g[std::size_t(r.packed - first + i)];
    }
  CHECK(compared == int([&] {
          std::int64_t n = 0;
          for (const param_range& r : run.trainer.model().active().kept) n += r.length;
          return n;
        }()));
  CHECK(dropped > 10);
  CHECK(halves > 4);
}

TEST_CASE("Activations of the last micro-batch are seen, of parts that ran") {
  small_run<host_device> run("2-full with heads 1/2-full");
  int checked = 0, refused = 0;
  run.trainer.inspect([&](const auto& seen) {
    for (int block = 0; block < run_shape.layers; ++block) {
      if (!seen.plan().has(block)) {
        CHECK(has(sentence_of<input_error>([&] { (void)seen.template saved<0>(block); }), "part 0 of block " + std::to_string(block)));
        ++refused;
        continue;
      }
      CHECK(seen.rows(block) == 16);  // 2 sequences of 8 tokens
      const auto& mlp = seen.template saved<1>(block);
      const auto pre = seen.read(mlp.part.pre, 16 * 12), h = seen.read(mlp.part.h, 16 * 12), x = seen.read(mlp.x, 16 * 8);
      double worst = 0, square = 0;
      for (std::size_t i = 0; i < pre.size(); ++i) worst = std::max(worst, double(std::abs(gelu_tanh::forward(&pre[i]) - h[i])));
      for (const float v : x) square += double(v) * double(v);
      CHECK(worst < 1e-6);
      CHECK(square / 128 == doctest::Approx(1).epsilon(0.02));  // the output of a norm with gains near 1
      const auto& attention = seen.template saved<0>(block);
      for (const float v : seen.read(attention.part.mixed, 16 * seen.plan().block(block).parts()[0].size() * 4)) CHECK(std::isfinite(v));
      ++checked;
    }
  });
  run.trainer.run(text, {.steps = 4, .batch = 2, .accumulate = 2});
  CHECK(checked == 2 * 2 + 2 * 4);
  CHECK(refused == 2 * 2);
  run.trainer.inspect({});
  CHECK(run.trainer.run(text, {.steps = 6, .batch = 2, .accumulate = 2}));
  CHECK(checked == 12);
}
