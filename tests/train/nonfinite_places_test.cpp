// SPDX-License-Identifier: Apache-2.0
// A number that is not finite, put into one place after the other: outputs of every operation of a step, forward and
// backward, in each micro-batch; every gradient, weight and moment; loss, learning rate, factors, sums that overflow. Each
// time weights, moments and step counts keep their bits, the step is counted and named, and the run ends after so many.
// Two places are none: a logit of -infinity is a probability of 0 like any other, and so is a sum of +infinity (lse) whose
// scores are finite, which no operation computes.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "run_text.hpp"
#include "scratch_folder.hpp"
#include "small_run.hpp"
#include "spoiling_device.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

constexpr model_shape places_shape{.layers = 2, .width = 8, .heads = 2, .neurons = 8, .neuron_group = 4, .vocab = 40, .context = 8};
constexpr float infinite = std::numeric_limits<float>::infinity();
const std::vector<float> bad_values{std::numeric_limits<float>::quiet_NaN(), infinite, -infinite};

/// A rate that the test sets.
struct given_rate {
  const double* rate;
  const double* of_blocks;
  double operator()(const run_position& now) const { return now.depth_share > 0 ? *rate * *of_blocks : *rate; }
};
/// Block 0 with the factor of a scale that the test chose; the full network has no such factor.
template <class Scale> struct one_block {
  stage_rule at(const run_position&) const {
    stage_rule rules;
    rules.add(rule_of<layer_drop<keep<1>, first_units, Scale>>());
    return rules;
  }
};
struct nan_scale {
  double operator()(kept_unit) const { return std::numeric_limits<double>::quiet_NaN(); }
};
struct infinite_scale {
  double operator()(kept_unit) const { return std::numeric_limits<double>::infinity(); }
};
/// Finite in double, not in float.
struct large_scale {
  double operator()(kept_unit) const { return 1e300; }
};

/// One place: what to do before the run, and what the report has to name; "" for any tensor.
struct place {
  std::string what, named;
  std::function<void()> spoil;
  bool harmless = false;  // nothing that is not finite comes out of it: the steps count, and all stays finite
};

template <class Block, class Objective, class Rule> class places {
  using model_type = transformer<Block, Objective, spoiling>;
  using master = typename model_type::master;

 public:
  explicit places(any_schedule schedule = any_schedule("full"), dropped_update dropped = dropped_update::frozen)
      : trainer_(model_type(places_shape, {&at_}), std::move(schedule), Rule{.lr = 1e-2}, given_rate{&rate_, &block_rate_},
                 update_options{.dropped = dropped}) {
    run(3, 10);
    good_ = state();
    REQUIRE(trainer_.done().step == 3);
    outputs_ = at_.seen / 3;
    names_.assign(at_.names.begin(), at_.names.begin() + outputs_);
  }
  /// How many outputs of operations a step has.
  int outputs() const { return outputs_; }
  const std::string& name_of_output(int k) const { return names_[static_cast<std::size_t>(k)]; }
  const weight_layout& layout() const { return trainer_.model().layout(); }
  spoiler& at() { return at_; }
  void set_rates(double rate, double of_blocks) { rate_ = rate, block_rate_ = of_blocks; }
  void set_clip(double clip) { clip_ = clip; }

  void set_weight(std::size_t tensor, float value) {
    auto w = trainer_.model().get_weights();
    w[middle_of(tensor)] = master(value);
    trainer_.model().set_weights(w);
  }
  void set_moment(int which, std::size_t tensor, float value) {
    const auto bad = master(value);
    trainer_.model().ops().upload(trainer_.optimizer().moment(which) + middle_of(tensor), &bad, 1);
  }
  /// Spoils, runs until the run gives up after two steps, and says what is wrong with that; "" if nothing is.
  std::string wrong_with(const place& one) {
    restore();
    one.spoil();
    const auto before = state();
    std::vector<step_report> reports;
    const std::string said = sentence_of<training_error>([&] { run(6, 2, &reports); });
    const auto after = state();
    std::string wrong;
    if (one.harmless) {
      for (const step_report& r : reports)
        if (r.skipped()) wrong += " a step is skipped;";
      for (const double x : after)
        if (!std::isfinite(x)) return wrong + " something is not finite any more;";
      return wrong;
    }
    if (!has(said, "step 5 is the last of 2 steps in a row")) wrong += " the run goes on: " + said + ";";
    if (reports.size() != 2) wrong += " " + std::to_string(reports.size()) + " steps;";
    for (const step_report& r : reports) {
      if (!r.skipped() || r.nonfinite.empty()) wrong += " a step counts;";
      if (!one.named.empty() && r.nonfinite != one.named) wrong += " named " + r.nonfinite + " instead of " + one.named + ";";
    }
    if (!reports.empty() && !has(said, reports.back().nonfinite)) wrong += " not told: " + reports.back().nonfinite + ";";
    if (after.size() != before.size() || std::memcmp(after.data(), before.data(), before.size() * sizeof(double)) != 0)
      wrong += " weights, moments or counts have changed;";
    return wrong;
  }
  /// The same run without a fault.
  void check_that_it_trains() {
    restore();
    const auto before = state();
    std::vector<step_report> reports;
    run(4, 2, &reports);
    REQUIRE(reports.size() == 1);
    CHECK_FALSE(reports[0].skipped());
    CHECK(state() != before);
  }

 private:
  std::size_t middle_of(std::size_t tensor) const {
    const placed_weight& w = layout().all()[tensor];
    return static_cast<std::size_t>(w.first + w.size() / 2);
  }
  void run(std::int64_t steps, int most, std::vector<step_report>* reports = nullptr) {
    trainer_.run(text, {.steps = steps, .batch = 2, .accumulate = 2, .clip = clip_, .max_nonfinite = most}, [&](const step_report& r) {
      if (reports) reports->push_back(r);
    });
  }
  /// Weights, first and second moments, counts.
  std::vector<double> state() {
    auto& model = trainer_.model();
    const auto size = static_cast<std::size_t>(layout().size());
    std::vector<double> all;
    for (const master x : model.get_weights()) all.push_back(double(x));
    for (int k = 0; k < Rule::moments; ++k)
      for (const master x : download(model.ops(), static_cast<const master*>(trainer_.optimizer().moment(k)), size)) all.push_back(double(x));
    for (const int n : download(model.ops(), static_cast<const int*>(trainer_.optimizer().counts()), trainer_.optimizer().counts_size()))
      all.push_back(n);
    return all;
  }
  void restore() {
    at_ = {.of_step = outputs_}, rate_ = block_rate_ = 1, clip_ = 1;
    const auto size = static_cast<std::size_t>(layout().size());
    std::vector<master> arena(size);
    const auto part = [&](std::size_t k) {
      std::copy_n(good_.begin() + std::ptrdiff_t(k * size), size, arena.begin());
      return arena.data();
    };
    auto& ops = trainer_.model().ops();
    ops.upload(trainer_.model().weights(), part(0), size);
    for (int k = 0; k < Rule::moments; ++k) ops.upload(trainer_.optimizer().moment(k), part(1 + static_cast<std::size_t>(k)), size);
    std::vector<int> counts;
    for (std::size_t i = (1 + std::size_t{Rule::moments}) * size; i < good_.size(); ++i) counts.push_back(int(good_[i]));
    ops.upload(trainer_.optimizer().counts(), counts.data(), counts.size());
    trainer_.set_done({3, 0});
  }

  spoiler at_;
  double rate_ = 1, block_rate_ = 1, clip_ = 1;
  trainer<model_type, any_schedule, Rule, given_rate> trainer_;
  std::vector<double> good_;
  int outputs_ = 0;
  std::vector<std::string> names_;
};

std::string text_of(float value) { return std::isnan(value) ? "NaN" : std::to_string(value); }

struct counts {
  int tried = 0, caught = 0, harmless = 0;
};
template <class Places> counts try_all(const std::string& model, Places& in, const std::vector<place>& list) {
  counts all;
  for (const place& one : list) {
    const std::string wrong = in.wrong_with(one);
    CHECK_MESSAGE(wrong.empty(), model << ", " << one.what << ":" << wrong);
    one.harmless ? ++all.harmless : (++all.tried, all.caught += wrong.empty());
  }
  in.check_that_it_trains();
  MESSAGE(model << ": " << all.tried << " places tried, " << all.caught << " caught, " << all.harmless << " harmless; " << in.outputs()
                << " outputs of operations, " << in.layout().all().size() << " tensors");
  return all;
}

template <class Block, class Objective> void every_place(const std::string& model) {
  places<Block, Objective, adamw> in;
  std::vector<place> list;
  REQUIRE(in.outputs() > 40);
  for (const float value : bad_values) {
    for (int k = 0; k < in.outputs(); ++k) {
      const std::string& output = in.name_of_output(k);
      list.push_back({text_of(value) + " in output " + std::to_string(k) + ", " + output, "",
                      [&in, k, value] { in.at().output = k, in.at().value = value; },
                      (output == "lse" && value > 0) || (output == "logits" && value < 0)});
    }
    for (std::size_t k = 0; k < in.layout().all().size(); ++k) {
      const std::string name = in.layout().all()[k].full_name();
      list.push_back({text_of(value) + " in the gradient of " + name, name, [&in, k, value] { in.at().gradient = int(k), in.at().value = value; }});
      list.push_back({text_of(value) + " in the weight " + name, "", [&in, k, value] { in.set_weight(k, value); }});
      for (int m = 0; m < 2; ++m)
        list.push_back(
            {text_of(value) + " in moment " + std::to_string(m) + " of " + name, name, [&in, k, m, value] { in.set_moment(m, k, value); }});
    }
    list.push_back({text_of(value) + " as loss", "loss", [&in, value] { in.at().loss = true, in.at().value = value; }});
    list.push_back({text_of(value) + " as learning rate", "learning rate", [&in, value] { in.set_rates(double(value), 1); }});
    list.push_back({text_of(value) + " as learning rate of blocks", "learning rate", [&in, value] { in.set_rates(1, double(value)); }});
    list.push_back({text_of(value) + " in a gradient without clipping", in.layout().all()[0].full_name(),
                    [&in, value] { in.set_clip(0), in.at().gradient = 0, in.at().value = value; }});
  }
  for (std::size_t k = 0; k < in.layout().all().size(); ++k) {
    const std::string name = in.layout().all()[k].full_name();
    list.push_back({"a square that is too large in " + name, name, [&in, k] { in.set_clip(0), in.at().gradient = int(k), in.at().value = 1e20f; }});
  }
  const auto together = [&in](double clip) { in.set_clip(clip), in.at().gradient = 0, in.at().whole = true, in.at().value = 9e18f; };
  list.push_back({"squares that are too large together", "tokens", [=] { together(0); }});
  list.push_back({"squares that are clipped", "", [=] { together(1); }, true});
  list.push_back({"a learning rate that is no float", "learning rate", [&in] { in.set_rates(1e300, 1); }});
  list.push_back({"a learning rate that takes weights out of float", "learning rate", [&in] { in.set_rates(1e38, 1); }});
  list.push_back({"a learning rate of blocks that is no float", "learning rate", [&in] { in.set_rates(1e200, 1e200); }});
  const counts all = try_all(model, in, list);
  CHECK(all.tried >= 500);
  CHECK(all.caught == all.tried);
  CHECK(all.harmless == 2 * (places_shape.layers + 1) + 1);  // in two micro-batches, and what is clipped
}

}  // namespace

TEST_CASE("Whatever is not finite in a step of a GPT-2 is caught, named, counted, and changes nothing") {
  every_place<gpt2_block, causal_lm>("GPT-2");
}
TEST_CASE("Whatever is not finite in a step of a BERT is caught, named, counted, and changes nothing") { every_place<bert_block, masked_lm>("BERT"); }

TEST_CASE("A moment or weight that is not finite is caught with momentum, too, and in blocks that are dropped and still move or decay") {
  places<gpt2_block, causal_lm, sgd> momentum;
  places<gpt2_block, causal_lm, adamw> dropped(any_schedule(one_block<unscaled>{}), dropped_update::zero_gradient),
      decaying(any_schedule(one_block<unscaled>{}), dropped_update::decay_only);
  std::vector<place> of_momentum, of_dropped, of_decaying;
  for (std::size_t k = 0; k < momentum.layout().all().size(); ++k)
    for (const float value : bad_values) {
      const std::string name = momentum.layout().all()[k].full_name();
      of_momentum.push_back({text_of(value) + " in " + name, name, [&momentum, k, value] { momentum.set_moment(0, k, value); }});
      for (int m = 0; m < 2; ++m)
        of_dropped.push_back({text_of(value) + " in " + name, name, [&dropped, k, m, value] { dropped.set_moment(m, k, value); }});
      if (momentum.layout().all()[k].block != 1) continue;
      of_dropped.push_back({text_of(value) + " in the weight " + name, name, [&dropped, k, value] { dropped.set_weight(k, value); }});
      of_decaying.push_back({text_of(value) + " in the weight " + name, name, [&decaying, k, value] { decaying.set_weight(k, value); }});
    }
  try_all("GPT-2 with momentum", momentum, of_momentum);
  try_all("GPT-2 with a dropped block", dropped, of_dropped);
  try_all("GPT-2 with a dropped block that decays", decaying, of_decaying);
}

TEST_CASE_TEMPLATE("A factor of a scale that is not finite spoils no weight", Scale, nan_scale, infinite_scale, large_scale) {
  small_run<host_device> run("full", dropped_update::frozen, {}, places_shape);
  run.trainer.run(text, {.steps = 1, .batch = 1});
  using model_type = small_run<host_device>::model_type;
  trainer<model_type, one_block<Scale>, adamw> scaled(model_type(places_shape, {1}), one_block<Scale>{}, adamw{});
  scaled.model().set_weights(run.trainer.model().get_weights());
  std::vector<std::string> named;
  const std::string said = sentence_of<training_error>(
      [&] { scaled.run(text, {.steps = 9, .batch = 1, .max_nonfinite = 2}, [&](const step_report& r) { named.push_back(r.nonfinite); }); });
  CHECK(has(said, "step 2 is the last of 2"));
  REQUIRE(named.size() == 2);
  CHECK_FALSE(named[0].empty());
  CHECK(scaled.model().get_weights() == run.trainer.model().get_weights());
}
