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
    small_run<Device> run("constant:3");  // frozen: a dropped part is not read
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

namespace {
/// One step of a network with huge neurons and no way out of them: the gradient of the way out is huge.
template <class Device> step_report step_with_huge_neurons(float gain, double clip) {
  small_run<Device> run("full");
  auto& model = run.trainer.model();
  model.initialise(1);
  auto w = model.get_weights();
  const auto all = [&](const std::string& name, float value) {
    for (const placed_weight& p : model.layout().all())
      if (p.full_name() == name) std::fill_n(w.begin() + p.first, p.size(), value);
  };
  for (const int block : {1, 2})
    all("block " + std::to_string(block) + " mlp up_bias", 1e19f), all("block " + std::to_string(block) + " mlp down", 0.0f);
  all("final_norm.weight", gain);
  model.set_weights(w);
  step_report report;
  run.trainer.run(text, {.steps = 1, .batch = 1, .clip = clip}, [&](const step_report& r) { report = r; });
  bool changed = false;
  const auto after = model.get_weights();
  for (std::size_t i = 0; i < w.size(); ++i) {
    CHECK(std::isfinite(after[i]));
    changed = changed || after[i] != w[i];
  }
  CHECK(changed != report.skipped());
  return report;
}
}  // namespace

TEST_CASE_TEMPLATE("The first bad tensor is named, in the order of the layout", Device, RAPTR_TEST_DEVICES) {
  const step_report overflows = step_with_huge_neurons<Device>(1e22f, 1);
  CHECK(overflows.nonfinite == "block 1 mlp down");
  CHECK(has(overflows.line(), "skipped: block 1 mlp down is not finite"));
  CHECK(has(overflows.line(), ", loss -, rate "));
  const step_report fits = step_with_huge_neurons<Device>(100, 1);
  CHECK(fits.nonfinite.empty());
  CHECK(fits.gradient_norm > 1e19);
  const step_report unclipped = step_with_huge_neurons<Device>(100, 0);
  CHECK(unclipped.nonfinite == "block 1 mlp down");
  CHECK(has(unclipped.line(), "skipped: block 1 mlp down is too large: clip to a norm below 1e19"));
}

namespace {
/// How far one step takes the first weights of a network, and what it says of its gradient: given first, then 0. The other weights, and
/// all weights of a skipped step, keep their bits.
template <class Device, class Rule>
std::pair<std::vector<float>, double> moved_by(const Rule& rule, const std::vector<float>& gradient, double clip) {
  using model_type = transformer<gpt2_block, causal_lm, Device>;
  model_type model(run_shape, small_options<Device>());
  model.set_weights(std::vector<float>(static_cast<std::size_t>(model.layout().size()), 0.0f));
  optimizer<Rule, model_type> optim(model, rule);
  model.begin(step_plan::full(model.plan_layout()));
  model.ops().upload(model.gradients(), gradient.data(), gradient.size());
  optim.step(model, 1, clip);
  auto w = model.get_weights();
  for (int k = 0; k < Rule::moments; ++k)
    for (const float m : download(model.ops(), static_cast<const float*>(optim.moment(k)), gradient.size())) CHECK(std::isfinite(m));
  for (std::size_t i = gradient.size(); i < w.size(); ++i) CHECK(w[i] == 0);
  w.resize(gradient.size());
  std::vector<double> results = download(model.ops(), static_cast<const double*>(model.results_data()), model.results_size());
  return {w, std::sqrt(step_results(results.data()).squared_norm())};
}
}  // namespace

TEST_CASE_TEMPLATE("A finite gradient of any norm is clipped and used", Device, RAPTR_TEST_DEVICES) {
  const sgd rule{.momentum = 0};
  const auto check = [&](const std::vector<float>& g, double clip) {
    double square = 0;
    for (const float x : g) square += double(x) * double(x);
    const auto [w, norm] = moved_by<Device>(rule, g, clip);
    CHECK(norm == doctest::Approx(std::sqrt(square)).epsilon(1e-12));
    for (std::size_t i = 0; i < g.size(); ++i) CHECK(double(w[i]) == doctest::Approx(-double(g[i]) * std::min(1.0, clip / norm)).epsilon(1e-5));
    const auto by_adamw = moved_by<Device>(adamw{.weight_decay = 0}, g, clip).first;
    for (std::size_t i = 0; i < g.size(); ++i) CHECK(double(by_adamw[i]) == doctest::Approx(g[i] < 0 ? 1 : -1).epsilon(1e-3));
  };
  check(std::vector<float>(128, 1e19f), 2);  // a norm of 1.131371e20
  check(std::vector<float>(320, -2e25f), 1);
  check(std::vector<float>(128, 3e38f), 2);
  check({1e30f}, 0.5);
  check({3.4e38f, -3.4e38f}, 1e18);
  check({8e18f, 8e18f}, 1);  // 1.13e19 from two that are less
}
TEST_CASE_TEMPLATE("A gradient that is not finite, or whose clip is none or above 1e19 and which is larger, is not used", Device,
                   RAPTR_TEST_DEVICES) {
  const std::vector<float> large(128, 1e19f);
  for (const auto& [g, clip] : {std::pair{large, 0.0}, {large, 1e19}, {large, 1e30}, {{nan_value}, 1.0}, {{infinity}, 1.0}, {{1, -infinity}, 1e3}}) {
    CHECK(moved_by<Device>(sgd{.momentum = 0}, g, clip).first == std::vector<float>(g.size(), 0.0f));
    CHECK(moved_by<Device>(adamw{}, g, clip).first == std::vector<float>(g.size(), 0.0f));
  }
  CHECK(moved_by<Device>(sgd{.momentum = 0}, {1e18f}, 1e30).first == std::vector<float>{-1e18f});
}

TEST_CASE_TEMPLATE("A gradient that is not clipped and whose square does not fit into a moment is treated like one that is not finite", Device,
                   RAPTR_TEST_DEVICES) {
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

namespace {
template <class Block, class Objective, class Device> void no_targets_give_no_gradient() {
  rig<Block, Objective, Device> r(run_shape);
  dice any(5);
  const auto sees = Objective::looks_back_only ? sight::causal : sight::both_sides;
  const auto is_zero = [&](const step_plan& plan) {
    bool zero = true;
    const auto g = r.gradient();
    each_element(r.model.layout(), plan, [&](const placed_weight&, int, std::size_t k, bool on) { zero = zero && (!on || g[k] == 0); });
    return zero;
  };
  for (int n = 0; n < 4; ++n) {
    const step_plan plan = n == 0 ? step_plan::full(r.layout()) : random_plan(any, r.layout());
    const batch whole = random_batch(any, sees, run_shape);
    batch none = whole, weightless = whole;
    none.targets.clear();
    for (target& t : weightless.targets) t.weight = 0;
    CHECK(r.loss_with_gradient(plan, none) == 0);
    CHECK(is_zero(plan));
    CHECK(r.loss_with_gradient(plan, weightless) == 0);
    CHECK(is_zero(plan));
    const double alone = r.loss_with_gradient(plan, whole);
    CHECK_FALSE(is_zero(plan));
    const auto g = r.gradient();
    bool same = true;
    CHECK(r.loss_with_gradient(plan, whole) == alone);
    r.model.accumulate(plan, none), r.model.accumulate(plan, weightless);
    CHECK(r.results()[0] == alone);
    const auto again = r.gradient();
    each_element(r.model.layout(), plan, [&](const placed_weight&, int, std::size_t k, bool on) { same = same && (!on || again[k] == g[k]); });
    CHECK(same);
  }
}
}  // namespace

TEST_CASE_TEMPLATE("A batch without a target has a gradient of 0 in every objective and plan, alone and beside others", Device, RAPTR_TEST_DEVICES) {
  no_targets_give_no_gradient<gpt2_block, causal_lm, Device>();
  no_targets_give_no_gradient<bert_block, masked_lm, Device>();
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
  small_run<host_device, block, masked_lm> run("full", dropped_update::frozen, {.lr = 1e-3}, run_shape, {1}, {.masking = masking::independent});
  bool some_empty = false;
  run.trainer.run(text, {.steps = 20, .batch = 1, .accumulate = 4}, [&](const step_report& r) {
    CHECK(std::isfinite(r.loss));
    CHECK(r.targets > 0);
    some_empty = some_empty || r.targets < 3;
  });
  CHECK(some_empty);
}
