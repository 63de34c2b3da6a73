// SPDX-License-Identifier: Apache-2.0
// Values that are not finite never reach weights, moments or counts; they are named and counted, and too many in a row end
// the run. Neither does a batch without a target.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "run_text.hpp"
#include "scratch_folder.hpp"
#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

/// NaN is equal to itself here.
bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}
}  // namespace

TEST_CASE_TEMPLATE("Bad weights in block 1 spoil the steps that draw it and no others: those change nothing", Device, RAPTR_TEST_DEVICES) {
  for (const float bad : {nan_value, infinity}) {
    small_run<Device> run("constant:3", dropped_update::zero_gradient);
    auto& model = run.trainer.model();
    model.initialise(1);
    auto w = model.get_weights();
    const placed_weight& up = model.layout().all()[model.layout().of(1, 1) + 2];
    REQUIRE(up.full_name() == "block 1 mlp up");
    w[static_cast<std::size_t>(up.first + 3)] = bad;
    model.set_weights(w);
    int skipped = 0, fine = 0;
    std::vector<double> before = run.state();
    // One step a run, so that the state between two steps can be seen.
    step_plan plan(model.plan_layout());
    for (std::int64_t step = 0; step < 12; ++step) {
      std::stop_source stop;
      stop.request_stop();
      run.trainer.run(text, {.steps = 12, .batch = 1, .stop = stop.get_token()}, [&](const step_report& r) {
        REQUIRE(r.step == step);
        plan_into(plan, run.trainer.schedule(), draw_key{1, static_cast<std::uint64_t>(step)}, 12);
        CHECK(r.skipped() == plan.has(1));
        CHECK(r.nonfinite.empty() != plan.has(1));
        if (r.skipped()) CHECK(r.line().find("is not finite") != std::string::npos);
        (r.skipped() ? skipped : fine) += 1;
        if (r.skipped())
          CHECK(same(run.state(), before));
        else
          CHECK_FALSE(same(run.state(), before));
        CHECK(run.trainer.done().nonfinite_in_a_row == (r.skipped() ? run.trainer.done().nonfinite_in_a_row : 0));
      });
      before = run.state();
    }
    CHECK(skipped > 2);
    CHECK(fine > 2);
  }
}

TEST_CASE_TEMPLATE("A run stops with an error after so many bad steps in a row, and the weights are those of before", Device, RAPTR_TEST_DEVICES) {
  for (const int most : {1, 3}) {
    small_run<Device> run("full");
    auto& model = run.trainer.model();
    run.trainer.run(text, {.steps = 4, .batch = 1});
    auto w = model.get_weights();
    w[0] = w[1] = infinity;  // of the token table, which every step reads
    model.set_weights(w);
    const auto before = run.state();
    std::vector<std::string> named;
    const std::string said = sentence_of<training_error>([&] {
      run.trainer.run(text, {.steps = 20, .batch = 1, .max_nonfinite = most}, [&](const step_report& r) { named.push_back(r.nonfinite); });
    });
    CAPTURE(said);
    CHECK(has(said, "step " + std::to_string(4 + most)));
    CHECK(has(said, "last of " + std::to_string(most)));
    CHECK(named.size() == std::size_t(most));
    CHECK(run.trainer.done().step == 4 + most);
    CHECK(run.trainer.done().nonfinite_in_a_row == most);
    for (const std::string& name : named) CHECK(name == "tokens");
    CHECK(same(run.state(), before));
  }
}

TEST_CASE_TEMPLATE("The first bad tensor is named, in the order of the layout", Device, RAPTR_TEST_DEVICES) {
  small_run<Device> run("full");
  auto& model = run.trainer.model();
  model.initialise(1);
  auto w = model.get_weights();
  // Huge neurons with no way out: only the gradient of the way out is too large.
  const auto all = [&](const std::string& name, float value) {
    for (const placed_weight& p : model.layout().all())
      if (p.full_name() == name) std::fill_n(w.begin() + p.first, p.size(), value);
  };
  for (const int block : {1, 2})
    all("block " + std::to_string(block) + " mlp up_bias", 1e19f), all("block " + std::to_string(block) + " mlp down", 0.0f);
  all("final_norm.weight", 100);
  model.set_weights(w);
  std::string named;
  run.trainer.run(text, {.steps = 1, .batch = 1}, [&](const step_report& r) { named = r.nonfinite; });
  CHECK(named == "block 1 mlp down");
}

TEST_CASE_TEMPLATE("A gradient whose square does not fit into a moment is treated like one that is not finite", Device, RAPTR_TEST_DEVICES) {
  using model_type = transformer<gpt2_block, causal_lm, Device>;
  model_type model(run_shape, small_options<Device>());
  model.initialise(1);
  optimizer<adamw, model_type> optim(model, {});
  const auto before = model.get_weights();
  const step_plan full = step_plan::full(model.plan_layout());
  for (int step = 0; step < 3; ++step) {
    model.begin(full);
    const float large = 1e20f;
    model.ops().upload(model.gradients(), &large, 1);
    optim.step(model, 1e-3, 0);
    CHECK(model.get_weights() == before);
  }
  model.begin(full);
  const float bearable = 1e18f;
  model.ops().upload(model.gradients(), &bearable, 1);
  optim.step(model, 1e-3, 0);
  for (const float x : model.get_weights()) CHECK(std::isfinite(x));
  CHECK(model.get_weights() != before);
}

TEST_CASE_TEMPLATE("A batch without a target changes nothing, is counted and gives no NaN", Device, RAPTR_TEST_DEVICES) {
  small_run<Device, bert_block, masked_lm> run("2-full", dropped_update::zero_gradient, {.lr = 1e-3}, run_shape, small_options<Device>(),
                                               {.masking = masking::independent});
  int empty = 0;
  std::vector<double> before;
  constexpr int steps = 60;
  for (int step = 0; step < steps; ++step) {
    std::stop_source stop;
    stop.request_stop();
    run.trainer.run(text, {.steps = steps, .batch = 1, .stop = stop.get_token()}, [&](const step_report& r) {
      CHECK(std::isfinite(r.loss));
      CHECK(std::isfinite(r.gradient_norm));
      CHECK(r.nonfinite.empty());
      CHECK(r.skipped() == (r.targets == 0));
      if (r.targets == 0) {
        ++empty;
        CHECK(r.loss == 0);
        CHECK(has(r.line(), "no token to predict"));
        if (!before.empty()) CHECK(run.state() == before);
      } else if (!before.empty()) {
        CHECK(run.state() != before);
      }
    });
    before = run.state();
  }
  CHECK(empty > steps / 8);
  CHECK(empty < steps / 2);
}

TEST_CASE("One empty micro-batch among others is left out of the sum") {
  using block = block<bert_block, fp64>;
  small_run<cpu, block, masked_lm> run("full", dropped_update::frozen, {.lr = 1e-3}, run_shape, {1}, {.masking = masking::independent});
  bool some_empty = false;
  run.trainer.run(text, {.steps = 20, .batch = 1, .accumulate = 4}, [&](const step_report& r) {
    CHECK(std::isfinite(r.loss));
    CHECK(r.targets > 0);
    some_empty = some_empty || r.targets < 3;
  });
  CHECK(some_empty);
}
