// SPDX-License-Identifier: Apache-2.0
// Views show the numbers of the arenas, with the names of the layout; what is written is what the model computes with; and what does not
// exist is refused with the name that was probably meant.
#include <doctest/doctest.h>

#include <optional>

#include <raptr/backend/cpu.hpp>
#include <raptr/backend/eigen.hpp>
#include <raptr/interop/eigen.hpp>

#include "run_text.hpp"
#include "scratch_folder.hpp"
#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

struct plain_descent {
  static constexpr int moments = 0;
  static constexpr double flops = 2;
  double lr = 0.1, weight_decay = 0;
  void prepare(unit_scalars<float>&) const {}
  void update(const unit_scalars<float>& u, float& w, float g) const { w -= u.rate * g; }
};

/// One step of a schedule, in whose hook `look` is called.
template <class Run, class F> void one_step(Run& run, F look, run_options options = {.steps = 4, .batch = 2, .clip = 0}) {
  run.trainer.inspect(look);
  std::stop_source stop;
  options.stop = stop.get_token();
  stop.request_stop();
  run.trainer.run(text, options);
  run.trainer.inspect({});
}

}  // namespace

TEST_CASE_TEMPLATE("A view of a weight is the weight: rows of the layout, in place, for every name", Device, cpu, eigen) {
  small_run<Device> run("full");
  auto& model = run.trainer.model();
  model.initialise(3);
  const auto arena = model.get_weights();
  const auto names = weight_names(model.layout());
  CHECK(names.size() == model.layout().all().size());
  for (std::size_t k = 0; k < names.size(); ++k) {
    const placed_weight& w = model.layout().all()[k];
    const auto view = weight_view(model, names[k]);
    CHECK(view.data() == model.weights() + w.first);
    CHECK(view.rows() == w.units * w.what.rows());
    CHECK(view.cols() == w.what.width);
    CHECK(view(view.rows() - 1, view.cols() - 1) == arena[std::size_t(w.first + w.size() - 1)]);
  }
  CHECK(weight_view(model, "block 3 mlp up").rows() == 12);
  CHECK(weight_view(model, "block 3 mlp up").cols() == 8);
  CHECK(weight_view(model, "tokens")(2, 5) == arena[2 * 8 + 5]);
}

TEST_CASE("A view is copied into a matrix of any storage order, and an expression of views is one of Eigen") {
  small_run<cpu> run("full");
  auto& model = run.trainer.model();
  model.initialise(3);
  const auto view = weight_view(model, "block 1 attention qkv");
  const Eigen::MatrixXf columns = view;
  const row_major_matrix<float> rows = view;
  const Eigen::Ref<const Eigen::MatrixXf> reference = view;
  const Eigen::Ref<const row_major_matrix<float>> in_place = view;
  CHECK(columns == rows);
  CHECK(reference == rows);
  CHECK(in_place.data() == view.data());
  CHECK((view * view.transpose()).isApprox(rows * columns.transpose(), 1e-6f));
  CHECK(view.cast<double>().norm() == doctest::Approx(rows.cast<double>().norm()));
}

TEST_CASE_TEMPLATE("What is set is the value of the expression, of any storage order and scalar, also if it is computed from the weight", Device, cpu,
                   eigen, reference) {
  transformer<gpt2_block, causal_lm, Device> model(tiny);
  model.initialise(1);
  const Eigen::MatrixXd columns = Eigen::MatrixXd::Random(8, 8);
  set_weight(model, "positions", columns);
  Eigen::VectorXf gain = Eigen::VectorXf::LinSpaced(8, 1, 8);
  set_weight(model, "block 2 mlp norm.weight", gain);
  set_weight(model, "final_norm.bias", Eigen::ArrayXf::Constant(8, 0.5f));
  set_weight(model, "block 0 mlp up", (Eigen::MatrixXi::Identity(12, 8) * 3).array() - 1);
  const auto arena = model.get_weights();
  const auto at = [&](const char* name) {
    for (const placed_weight& w : model.layout().all())
      if (w.full_name() == name) return arena.begin() + w.first;
    FAIL("no weight");
    return arena.begin();
  };
  CHECK(at("positions")[8 * 2 + 5] == float(columns(2, 5)));
  CHECK(at("block 2 mlp norm.weight")[6] == 7);
  CHECK(at("final_norm.bias")[0] == 0.5f);
  CHECK(at("block 0 mlp up")[0] == 2);
  CHECK(at("block 0 mlp up")[1] == -1);
  if constexpr (!std::same_as<Device, reference>) {
    const Eigen::MatrixXf before = weight_view(model, "positions");
    set_weight(model, "positions", 2 * weight_view(model, "positions").transpose());
    CHECK(weight_view(model, "positions") == (2 * before.transpose()).eval());
  }
}

TEST_CASE_TEMPLATE("A packed gradient names the units it holds: kept rows one below the other, those of inspection::gradient()", Device, cpu, eigen) {
  for (const char* schedule : {"2-full", "heads 1/2-full", "neurons 1/3-full", "2-full with neurons 2/3-full", "full"}) {
    CAPTURE(schedule);
    small_run<Device> run(schedule);
    int weights = 0, dropped = 0;
    one_step(run, [&](const auto& step) {
      const auto& layout = step.model().layout();
      for (std::size_t k = 0; k < layout.all().size(); ++k) {
        const placed_weight& w = layout.all()[k];
        const auto [rows, units] = gradient_view(step, w.full_name());
        const auto expected = step.gradient(k);
        std::vector<int> kept;
        for (int unit = 0; unit < w.units; ++unit)
          if (trains(step.plan(), w, unit)) kept.push_back(unit);
        CHECK(units == kept);
        CHECK(rows.rows() == std::ssize(units) * w.what.rows());
        CHECK(rows.cols() == w.what.width);
        REQUIRE(std::size_t(rows.size()) == expected.size());
        CHECK(std::equal(expected.begin(), expected.end(), rows.data()));
        dropped += units.empty(), ++weights;
      }
    });
    CHECK(weights > 40);
    CHECK((dropped > 0) == (std::string(schedule).find("2-full") == 0));
  }
}

TEST_CASE("A gradient exists from begin() until an evaluation, and is refused before a step and after one that nothing was asked of") {
  small_run<cpu> run("full");
  auto& model = run.trainer.model();
  const auto asked = [&] { return sentence_of<input_error>([&] { (void)gradient_view(model, "block 0 mlp up"); }); };
  CHECK(has(asked(), "this model has no weights yet"));
  model.initialise(1);
  CHECK(has(asked(), "\"block 0 mlp up\" has no gradient now: gradients exist in the hook of trainer.inspect(), or after model.begin(plan)"));
  run.trainer.evaluate(text, 4);
  CHECK(has(asked(), "has no gradient now"));
  const step_plan full = step_plan::full(model.plan_layout());
  model.begin(full);
  CHECK(gradient_view(model, "block 0 mlp up").rows.isZero());
  dice any(1);
  model.accumulate(full, random_batch(any, sight::causal, run_shape));
  const float once = gradient_view(model, "block 0 mlp up").rows.norm();
  CHECK(once > 0);
  model.begin(full, false);
  CHECK(has(asked(), "has no gradient now"));
  run.trainer.run(text, {.steps = 1, .batch = 2});
  CHECK(gradient_view(model, "block 0 mlp up").rows.norm() > 0);
  run.trainer.evaluate(text, 4);
  CHECK(has(asked(), "has no gradient now"));
}

TEST_CASE_TEMPLATE("A moment has the shape of its weight, and after one step of adamw it is (1 - beta) of the gradient", Device, cpu, eigen) {
  small_run<Device> run("full", dropped_update::frozen, {.lr = 1e-2, .beta1 = 0.5});
  row_major_matrix<float> gradient;
  one_step(run, [&](const auto& step) { gradient = gradient_view(step, "block 2 attention out").rows; });
  CHECK(moment_view(run.trainer, "exp_avg", "block 2 attention out").isApprox(0.5f * gradient, 1e-6f));
  CHECK(moment_view(run.trainer, "exp_avg_sq", "block 2 attention out").minCoeff() >= 0);
  CHECK(moment_view(run.trainer, "exp_avg_sq", "tokens").rows() == 40);
}

TEST_CASE_TEMPLATE("Logits are a row for each target, in the numbers of predict()", Device, cpu, eigen) {
  transformer<gpt2_block, causal_lm, Device> model(tiny);
  model.initialise(5);
  const step_plan full = step_plan::full(model.plan_layout());
  const batch data = batch_of(model, Eigen::MatrixXi::Constant(3, 6, 7), {.size = 11});
  model.begin(full, false);
  const auto numbers = model.predict(full, data);
  const auto logits = logits_view(model, numbers);
  CHECK(logits.rows() == 15);
  CHECK(logits.cols() == 11);
  CHECK(logits.data() == numbers.data());
  CHECK(logits.row(0).isApprox(logits.row(5), 1e-6f));  // the same token in the same place of another sequence
  const std::vector<float> others(12);
  CHECK(has(sentence_of<input_error>([&] { (void)logits_view(model, others); }), "12 numbers are not rows of 11 logits"));
}

TEST_CASE("A name that does not exist is refused with the nearest one, and nothing of the model has changed") {
  small_run<cpu> run("full");
  auto& model = run.trainer.model();
  model.initialise(1);
  const auto before = model.get_weights();
  const auto refused = [](auto f, const char* sentence) {
    const std::string said = sentence_of<input_error>(f);
    INFO(said);
    CHECK(has(said, sentence));
  };
  refused([&] { (void)weight_view(model, "block 3 mlp upp"); }, "there is no weight \"block 3 mlp upp\": the nearest is \"block 3 mlp up\"");
  refused([&] { (void)weight_view(model, "block 4 mlp up"); }, "no weight \"block 4 mlp up\": the nearest is \"block 0 mlp up\"");
  refused([&] { (void)weight_view(model, ""); }, "there is no weight \"\": the nearest is");
  refused([&] { (void)weight_view(model, "transformer.wte.weight"); }, "there is no weight \"transformer.wte.weight\"");
  refused([&] { (void)weight_view(model, "tok\nens"); }, "\"tok\\x0aens\": the nearest is \"tokens\"");
  refused([&] { (void)gradient_view(model, "tokn"); }, "there is no weight \"tokn\": the nearest is \"tokens\"");
  refused([&] { (void)moment_view(run.trainer, "exp_avg_squared", "tokens"); },
          "there is no moment \"exp_avg_squared\": the nearest is \"exp_avg_sq\"");
  refused([&] { (void)moment_view(run.trainer, "exp_avg", "Tokens"); }, "there is no weight \"Tokens\": the nearest is \"tokens\"");
  refused([&] { (void)canonical(model, "transformer.h.1.mlp.c_fc.wieght"); },
          "there is no tensor \"transformer.h.1.mlp.c_fc.wieght\": the nearest is \"transformer.h.1.mlp.c_fc.weight\"");
  refused([&] { (void)canonical(model, "block 1 mlp up"); }, "there is no tensor \"block 1 mlp up\"");
  refused([&] { set_weight(model, "positons", Eigen::MatrixXf::Zero(8, 8)); }, "the nearest is \"positions\"");
  refused([&] { set_weight(model, "block 0 mlp up", Eigen::MatrixXf::Zero(8, 12)); },
          "\"block 0 mlp up\" has the shape (12, 8), and the matrix (8, 12): transpose it");
  refused([&] { set_weight(model, "block 0 mlp up", Eigen::MatrixXf::Zero(12, 9)); },
          "\"block 0 mlp up\" has the shape (12, 8), and the matrix (12, 9)");
  refused([&] { set_weight(model, "final_norm.weight", Eigen::RowVectorXf::Zero(8)); }, "has the shape (8, 1), and the matrix (1, 8): transpose it");
  refused([&] { set_weight(model, "tokens", Eigen::MatrixXf(0, 0)); }, "has the shape (40, 8), and the matrix (0, 0)");
  refused([&] { set_canonical(model, "transformer.h.1.mlp.c_fc.weight", Eigen::MatrixXf::Zero(12, 8)); },
          "\"transformer.h.1.mlp.c_fc.weight\" has the shape (8, 12), and the matrix (12, 8): transpose it");
  CHECK(model.get_weights() == before);
}

TEST_CASE("Without weights there is nothing to see or to set, and an optimizer without moments has none") {
  transformer<gpt2_block, causal_lm, eigen> model(run_shape);
  const auto refused = [](auto f) { CHECK(has(sentence_of<input_error>(f), "this model has no weights yet")); };
  refused([&] { (void)weight_view(model, "tokens"); });
  refused([&] { (void)canonical(model, "transformer.wte.weight"); });
  refused([&] { set_weight(model, "tokens", Eigen::MatrixXf::Zero(40, 8)); });
  refused([&] { set_canonical(model, "transformer.wte.weight", Eigen::MatrixXf::Zero(40, 8)); });
  trainer one(std::move(model), any_schedule("full"), plain_descent{});
  one.run(text, {.steps = 1, .batch = 1});
  const std::string said = sentence_of<input_error>([&] { (void)moment_view(one, "exp_avg", "tokens"); });
  CHECK(said.ends_with("there is no moment \"exp_avg\""));
}
