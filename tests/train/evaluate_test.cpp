// SPDX-License-Identifier: Apache-2.0
// Validation is of the full network, whatever is trained, and leaves the training as it is.
#include <doctest/doctest.h>

#include <cmath>

#include <raptr/data/unigram_loss.hpp>

#include "run_text.hpp"
#include "scratch_folder.hpp"
#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {}

TEST_CASE_TEMPLATE(
    "Validation is the full network with factors of 1: the same bits for every schedule, at every call, and it does not disturb training", Device,
    RAPTR_TEST_DEVICES) {
  using model = transformer<gpt2_block, causal_lm, Device>;
  const auto with = [&]<class Schedule>(Schedule schedule) {
    trainer<model, Schedule, adamw> t(model(run_shape, small_options<Device>()), schedule, adamw{});
    t.model().initialise(3);
    const double loss = t.evaluate(text, 3);
    CHECK(t.evaluate(text, 3) == loss);
    CHECK(t.evaluate(text, 5) == doctest::Approx(loss).epsilon(1e-6));
    return loss;
  };
  const double plain = with(constant<layer_drop<keep<2>>>{});
  CHECK(with(constant<layer_drop<keep<2>, exactly<>, sqrt_gap>>{}) == plain);
  CHECK(with(constant<layer_drop<keep<2>, exactly<>, inverse>>{}) == plain);
  CHECK(with(full_network{}) == plain);
  CHECK(std::isfinite(plain));

  small_run<Device> watched, alone;
  std::vector<double> losses;
  watched.trainer.run(text, {.steps = 9, .batch = 2, .validate_every = 1, .validate = [&] { return watched.trainer.evaluate(text, 4); }},
                      [&](const step_report& r) { losses.push_back(r.validation_loss.value()); });
  alone.trainer.run(text, {.steps = 9, .batch = 2});
  CHECK(watched.state() == alone.state());
  CHECK(losses.size() == 9);
  CHECK(losses.back() != losses.front());
}

TEST_CASE_TEMPLATE("Evaluation is the mean over the targets of exactly the windows that were asked for, however they are batched", Device,
                   RAPTR_TEST_DEVICES) {
  using block = block<gpt2_block, fp64>;
  small_run<Device, block> run("full");
  auto& model = run.trainer.model();
  model.initialise(6);
  auto w = model.get_weights();
  for (double& x : w) x *= 20;  // so that windows differ
  model.set_weights(w);
  windows<token_list, causal_lm> cut(text, model.objective(), run_shape.context);
  REQUIRE(cut.count() == 24);
  const step_plan full = step_plan::full(model.plan_layout());
  std::vector<double> losses;
  for (std::int64_t window = 0; window < cut.count(); ++window) {
    batch b;
    cut.add(b, window, 0, window);
    b.normaliser = b.target_weight();
    model.begin(full, false), model.accumulate(full, b, false);
    losses.push_back(model.loss());
  }
  for (const std::int64_t most : {1, 2, 7, 23, 24, 0, 99}) {
    const auto used = most > 0 && most < 24 ? static_cast<std::size_t>(most) : std::size_t(24);
    double sum = 0;
    for (std::size_t k = 0; k < used; ++k) sum += losses[k];
    for (const int batch_size : {1, 5, 24, 100})
      CHECK(run.trainer.evaluate(text, batch_size, most) == doctest::Approx(sum / double(used)).epsilon(1e-12));
  }
}

TEST_CASE("Evaluation of a masked model draws the same masks at every call") {
  small_run<host_device, bert_block, masked_lm> run("full");
  run.trainer.model().initialise(4);
  CHECK(run.trainer.evaluate(text, 3) == run.trainer.evaluate(text, 3));
  CHECK(run.trainer.evaluate(text, 3, 5, 1) != run.trainer.evaluate(text, 3, 5, 2));
  CHECK(has(sentence_of<input_error>([&] { run.trainer.evaluate(text, 0); }), "batch_size is 0"));
}

TEST_CASE_TEMPLATE("A plan is evaluated as it is: a subnetwork, a prefix of blocks, its factors", Device, RAPTR_TEST_DEVICES) {
  small_run<Device> run("full");
  auto& model = run.trainer.model();
  model.initialise(6);
  auto w = model.get_weights();
  for (auto& x : w) x *= 20;
  model.set_weights(w);
  const network_layout layout = model.plan_layout();
  const double full = run.trainer.evaluate(text, 4);
  CHECK(run.trainer.evaluate(text, step_plan::full(layout), 4) == full);
  const auto expected = [&](const step_plan& plan, std::int64_t most) {
    windows<token_list, causal_lm> cut(text, model.objective(), run_shape.context);
    double sum = 0;
    for (std::int64_t window = 0; window < most; ++window) {
      batch b;
      cut.add(b, window, 0, window);
      b.normaliser = b.target_weight();
      model.begin(plan, false), model.accumulate(plan, b, false);
      sum += model.loss();
    }
    return sum / double(most);
  };
  step_plan drawn(layout);
  plan_into(drawn, any_schedule("layers(sqrt_gap) 2-3-full with heads 1/2-full"), draw_key{3, 0}, 9);
  for (const step_plan& plan : {step_plan::of_blocks(layout, unit_set::first(2)), step_plan::of_blocks(layout, {0, 3}), step_plan(layout), drawn}) {
    const double loss = run.trainer.evaluate(text, plan, 5, 7);
    CHECK(loss == doctest::Approx(expected(plan, 7)).epsilon(1e-5));
    CHECK(std::abs(loss - run.trainer.evaluate(text, 5, 7)) > 1e-4);
  }
  CHECK(run.trainer.evaluate(text, 4) == full);
}

TEST_CASE("A plan that cannot be evaluated is refused") {
  small_run<host_device> run("sequences 1/2-full"), grown("stack:2-4");
  run.trainer.model().initialise(1);
  const auto refused = [](auto& trainer, const step_plan& plan, const std::string& what) {
    const std::string said = sentence_of<input_error>([&] { trainer.evaluate(text, plan, 2); });
    CAPTURE(said);
    CHECK(has(said, what));
  };
  step_plan drawn(run.trainer.model().plan_layout(4));
  plan_into(drawn, any_schedule("sequences 1/2-full"), draw_key{3, 0}, 9);
  refused(run.trainer, drawn, "drops sequences in block 0");
  refused(run.trainer, step_plan::full(layout_of<gpt2_block>(model_shape{.layers = 5, .width = 8, .heads = 2})), "");
  model_shape other = run_shape;
  other.neurons = 24;
  refused(run.trainer, step_plan::full(layout_of<gpt2_block>(other)), "made for another network");
  step_plan broken(run.trainer.model().plan_layout());
  broken.add(1).parts()[0].units = {{1, 5}};
  refused(run.trainer, broken, "the plan of block 1");
  std::stop_source stop;
  stop.request_stop();
  grown.trainer.run(text, {.steps = 4, .batch = 1, .stop = stop.get_token()});
  refused(grown.trainer, step_plan::full(grown.trainer.model().plan_layout()), "block 2, which is not among the 2 blocks");
  CHECK(grown.trainer.evaluate(text, step_plan::of_blocks(grown.trainer.model().plan_layout(), {0, 1}), 3) == grown.trainer.evaluate(text, 3));
}

namespace {
/// Words of 16 that are each repeated ten times: what a hidden token is, its neighbours say, and frequencies do not.
struct repeated_words {
  static std::int64_t size() { return 4000; }
  static void read(std::int64_t first, std::span<std::int32_t> out) {
    for (auto& id : out) {
      const std::int64_t word = first++ / 10;
      id = 5 + static_cast<std::int32_t>(word * word / 3 % 16);
    }
  }
  static raptr::vocabulary vocabulary() { return {.size = 21, .end_of_text = 3, .mask = 4, .pad = 0, .cls = 2, .sep = 3}; }
};
}  // namespace

TEST_CASE("A small BERT with BERT's own Adam, rate and frames falls well below the losses without context") {
  using model = transformer<bert_block, masked_lm, host_device>;
  const model_shape shape{.layers = 3, .width = 16, .heads = 2, .neurons = 32, .vocab = 21, .context = 16};
  trainer t(model(shape, {.threads = 1}), any_schedule("2-full"), bert_adam(3e-3), bert_rate{.warmup = 20});
  const repeated_words tokens;
  const auto floor = unigram_losses_of(tokens, tokens, t.model().objective(), shape.context, 50).value();
  CHECK(floor.unigram < std::log(16.0));
  CHECK(floor.visible_token.value() < floor.unigram);
  t.run(tokens, {.steps = 400, .batch = 8});
  const double loss = t.evaluate(tokens, 10, 50);
  CAPTURE(loss);
  CHECK(loss < 0.65 * floor.visible_token.value());
}
