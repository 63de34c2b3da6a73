// SPDX-License-Identifier: Apache-2.0
// The losses of the denoisers of a mixture, in the report of a step and in an evaluation.
#include <doctest/doctest.h>

#include <raptr/nn/objectives/ul2.hpp>

#include "scratch_folder.hpp"
#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {
constexpr vocabulary with_sentinels{.size = 40, .end_of_text = 37, .first_sentinel = 36, .last_sentinel = 20};
constexpr model_shape context24{.layers = 4, .width = 8, .heads = 2, .neurons = 12, .neuron_group = 4, .vocab = 40, .context = 24};

using ul2_run_type = small_run<host_device, gpt2_block, ul2>;
ul2_run_type ul2_run(int threads, const ul2& objective = {}) {
  return ul2_run_type("2-full", dropped_update::frozen, {.lr = 1e-2}, context24, host_options{threads}, objective);
}
std::vector<step_report> reports_of(ul2_run_type run, const run_options& options) {
  const token_list text(3000, with_sentinels);
  std::vector<step_report> reports;
  run_options validated = options;
  validated.validate_every = 3, validated.validate = [&] { return run.trainer.evaluate(text, 5, 40); };
  run.trainer.run(text, validated, [&](const step_report& r) { reports.push_back(r); });
  return reports;
}
double weighted_sum(const std::vector<group_loss>& groups) {
  double sum = 0;
  for (const group_loss& g : groups) sum += g.weight * g.loss;
  return sum;
}
}  // namespace

TEST_CASE("The loss of a step is the mean of those of its denoisers, by their targets, and so is that of an evaluation") {
  for (const auto& r : reports_of(ul2_run(1), {.steps = 6, .batch = 6})) {
    REQUIRE(r.losses.size() == 4);
    CHECK(r.losses[0].name == "causal");
    CHECK(r.losses[3].name == "spans_32_0.5");
    CHECK(weight_of(r.losses) == double(r.targets));
    CHECK(weighted_sum(r.losses) / double(r.targets) == doctest::Approx(r.loss).epsilon(1e-12));
    CHECK(r.validation_losses.size() == (r.step % 3 == 2 ? 4 : 0));
    CHECK(has(r.line(), ", loss " + decimal_text(r.loss, std::chars_format::fixed, 4) + " (causal "));
    if (r.validation_loss)
      CHECK(weighted_sum(r.validation_losses) / weight_of(r.validation_losses) == doctest::Approx(*r.validation_loss).epsilon(1e-12));
  }
}

TEST_CASE("The loss of a denoiser is that of a batch of its targets alone") {
  auto run = ul2_run(1);
  auto& model = run.trainer.model();
  model.initialise(3);
  const token_list text(3000, with_sentinels);
  const mean_loss all = run.trainer.evaluate(text, 7, 60, 5);
  windows<token_list, ul2> cut(text, model.objective(), 24);
  for (int k = 0; k < 4; ++k) {
    batch only;
    for (std::int64_t n = 0; n < 60; ++n) cut.add(only, n, 5, n);
    std::erase_if(only.targets, [&](const target& t) { return t.group != k; });
    REQUIRE(!only.targets.empty());
    const step_plan full = step_plan::full(model.plan_layout());
    model.begin(full, false), model.accumulate(full, only, false);
    CHECK(all.groups[std::size_t(k)].weight == only.target_weight());
    CHECK(all.groups[std::size_t(k)].loss == doctest::Approx(model.loss() / only.target_weight()).epsilon(1e-6));
  }
}

TEST_CASE("Losses of denoisers have the same bits for any number of threads, and differ by rounding for other micro-batches") {
  const auto one = reports_of(ul2_run(1), {.steps = 6, .batch = 8});
  const auto three = reports_of(ul2_run(3), {.steps = 6, .batch = 8}), parts = reports_of(ul2_run(1), {.steps = 6, .batch = 2, .accumulate = 4});
  for (std::size_t n = 0; n < 6; ++n)
    for (std::size_t k = 0; k < 4; ++k) {
      CHECK(three[n].losses[k].loss == one[n].losses[k].loss);
      CHECK(parts[n].losses[k].loss == doctest::Approx(one[n].losses[k].loss).epsilon(1e-4));
      CHECK(parts[n].losses[k].weight == one[n].losses[k].weight);
      if (one[n].validation_loss) CHECK(three[n].validation_losses[k].loss == one[n].validation_losses[k].loss);
    }
}

TEST_CASE("A mean of examples weighs each window alike, and one denoiser has no losses beside the one") {
  for (const auto& r : reports_of(ul2_run(1, {.weights = target_weights::per_example}), {.steps = 2, .batch = 6})) {
    CHECK(weight_of(r.losses) == doctest::Approx(6).epsilon(1e-5));
    CHECK(weighted_sum(r.losses) / weight_of(r.losses) == doctest::Approx(r.loss).epsilon(1e-9));
  }
  for (const auto& r : reports_of(ul2_run(1, {{{span_corruption{}}}}), {.steps = 3, .batch = 6})) {
    CHECK(r.losses.empty());
    CHECK(r.validation_losses.empty());
    CHECK(r.loss > 0);
  }
}

TEST_CASE("A target of a group that the objective does not name is refused") {
  auto run = ul2_run(1);
  auto& model = run.trainer.model();
  model.initialise(3);
  batch b;
  b.add_segment(2, 0), b.ids = {1, 2}, b.targets = {{0, 2, 1, 4}};
  const step_plan full = step_plan::full(model.plan_layout());
  model.begin(full, false);
  CHECK(has(sentence_of<input_error>([&] { model.accumulate(full, b, false); }),
            "the target in row 0 is in group 4, and the objective names 4 groups"));
}
