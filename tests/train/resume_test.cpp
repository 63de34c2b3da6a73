// SPDX-License-Identifier: Apache-2.0
// Stop at any step and resume: the same bits in weights, moments, counts and reports as the run that was never stopped,
// across stages, accumulation, an epoch border, warm-up and steps that were skipped.
#include <doctest/doctest.h>

#include <raptr/checkpoint/checkpoint.hpp>

#include "run_text.hpp"
#include "scratch_folder.hpp"
#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {
constexpr std::int64_t last_step = 60;

/// Block 1 is not finite, so the steps that draw it are skipped.
template <class Run> void spoil(Run& run) {
  auto& model = run.trainer.model();
  model.initialise(5);
  auto w = model.get_weights();
  w[static_cast<std::size_t>(model.layout().all()[model.layout().of(1, 0)].first)] = std::numeric_limits<float>::quiet_NaN();
  model.set_weights(w);
}
/// The text, with a stop request when the window of one sample is read.
struct stopping_text {
  std::int64_t sample;
  std::stop_source* stop;
  mutable std::int64_t reads = 0;
  std::int64_t size() const { return text.size(); }
  void read(std::int64_t first, std::span<std::int32_t> out) const {
    if (reads++ == sample) stop->request_stop();
    text.read(first, out);
  }
  raptr::vocabulary vocabulary() const { return text.vocabulary(); }
};

const run_options options{.steps = last_step, .batch = 2, .accumulate = 2, .seed = 5, .max_nonfinite = 50};

template <class Device> void resumes_with_the_same_bits(std::int64_t stride) {
  scratch_folder folder;
  const auto place = [&](std::int64_t step) { return folder / ("step-" + std::to_string(step)); };
  small_run<Device> unbroken("2-3-full", dropped_update::zero_gradient);
  std::vector<std::string> reports;
  std::vector<std::vector<double>> states;
  const auto mark = [&] {
    states.push_back(unbroken.state());
    save_checkpoint(place(unbroken.trainer.done().step), unbroken.trainer, text.vocabulary());
  };
  unbroken.trainer.model().initialise(5);
  mark();  // before the first step
  run_options watched = options;
  watched.save_every = 1, watched.save = mark;
  unbroken.trainer.run(text, watched, [&](const step_report& r) { reports.push_back(facts_of(r)); });
  REQUIRE(reports.size() == std::size_t(last_step));
  REQUIRE(states.size() == std::size_t(last_step) + 1);

  for (std::int64_t from = 0; from <= last_step; ++from) {
    CAPTURE(from);
    small_run<Device> resumed("2-3-full", dropped_update::zero_gradient);
    load_checkpoint(place(from), resumed.trainer);
    CHECK(resumed.trainer.done().step == from);
    CHECK(resumed.state() == states[std::size_t(from)]);
    const bool to_the_end = from % stride == 0 || from > last_step - 4;
    std::stop_source stop;
    run_options rest = options;
    rest.stop = stop.get_token();
    std::vector<std::string> again;
    resumed.trainer.run(text, rest, [&](const step_report& r) {
      again.push_back(facts_of(r));
      if (!to_the_end && again.size() == 2) stop.request_stop();
    });
    const std::int64_t end = resumed.trainer.done().step;
    CHECK(end == from + std::int64_t(again.size()));
    if (to_the_end) CHECK(end == last_step);
    CHECK(std::equal(again.begin(), again.end(), reports.begin() + from));
    CHECK(resumed.state() == states[std::size_t(end)]);
  }
}
}  // namespace

TEST_CASE("A run on the CPU resumes at every step with the same bits") { resumes_with_the_same_bits<host_device>(10); }
TEST_CASE("A run on the reference backend resumes at every step with the same bits") { resumes_with_the_same_bits<reference>(20); }

TEST_CASE("A run with skipped steps resumes at every step with the same bits and the same count of bad steps in a row") {
  scratch_folder folder;
  const auto place = [&](std::int64_t step) { return folder / ("step-" + std::to_string(step)); };
  small_run<host_device> unbroken("constant:3");
  std::vector<std::string> reports;
  std::vector<std::vector<double>> states;
  std::vector<int> in_a_row;
  const auto mark = [&] {
    states.push_back(unbroken.state()), in_a_row.push_back(unbroken.trainer.done().nonfinite_in_a_row);
    save_checkpoint(place(unbroken.trainer.done().step), unbroken.trainer, text.vocabulary());
  };
  spoil(unbroken);
  run_options watched = options;
  watched.batch = watched.accumulate = 1, watched.save_every = 1, watched.save = mark;
  int skipped = 0;
  unbroken.trainer.run(text, watched, [&](const step_report& r) { reports.push_back(facts_of(r)), skipped += r.skipped(); });
  CHECK(skipped > 5);
  CHECK(skipped < 55);
  CHECK(*std::max_element(in_a_row.begin(), in_a_row.end()) > 1);
  for (std::int64_t from = 1; from <= last_step; from += 3) {
    small_run<host_device> resumed("constant:3");
    load_checkpoint(place(from), resumed.trainer);
    CHECK(resumed.trainer.done().nonfinite_in_a_row == in_a_row[std::size_t(from) - 1]);
    run_options rest = watched;
    rest.save_every = 0, rest.save = nullptr;
    std::vector<std::string> again;
    resumed.trainer.run(text, rest, [&](const step_report& r) { again.push_back(facts_of(r)); });
    CHECK(std::equal(again.begin(), again.end(), reports.begin() + from, reports.end()));
    const auto end = resumed.state(), expected = states.back();
    CHECK(std::equal(end.begin(), end.end(), expected.begin(), expected.end(),
                     [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); }));
  }
}

TEST_CASE("A checkpoint of one backend is continued by another one") {
  scratch_folder folder;
  small_run<host_device> first;
  first.trainer.run(text, {.steps = 3, .batch = 2});
  save_checkpoint(folder / "three", first.trainer, text.vocabulary());
  small_run<reference> second;
  load_checkpoint(folder / "three", second.trainer);
  CHECK(second.state() == first.state());
}

TEST_CASE("A growing network is evaluated after a resume as before it: with the blocks that exist") {
  scratch_folder folder;
  const run_options of_eight{.steps = 8, .batch = 2};
  small_run<host_device> run("stack:1-2-4"), other("stack:1-2-4"), unborn("stack:1-2-4");
  std::vector<double> losses;
  run_options watched = of_eight;
  watched.save_every = 1;
  watched.save = [&] {
    const auto place = folder / ("step-" + std::to_string(run.trainer.done().step));
    save_checkpoint(place, run.trainer, text.vocabulary());
    const double loss = run.trainer.evaluate(text, 4);
    load_checkpoint(place, other.trainer);
    CHECK(other.trainer.evaluate(text, 4) == loss);
    CHECK(other.trainer.done().existing == run.trainer.done().existing);
    losses.push_back(loss);
  };
  run.trainer.run(text, watched);
  REQUIRE(losses.size() == 8);
  CHECK(run.trainer.done().existing == unit_set::first(4));
  load_checkpoint(folder / "step-4", other.trainer);
  CHECK(other.trainer.done().existing == unit_set::first(2));
  CHECK(unborn.trainer.done().existing == unit_set::first(4));
  auto as_if_full = other.trainer.done();
  as_if_full.existing = unit_set::first(4);
  other.trainer.set_done(as_if_full);
  CHECK(other.trainer.evaluate(text, 4) != losses[3]);
}

TEST_CASE("A step that a stop request abandons is repeated by the resumed run, with the bits of an unbroken one, also where blocks are copied") {
  scratch_folder folder;
  for (const char* const schedule : {"stack:1-2-4", "2-3-full", "full"}) {
    run_options of_nine{.steps = 9, .batch = 1, .accumulate = 3, .seed = 5, .finish_within = 0};
    const auto begin = [&](auto& run) { run.trainer.run(text, of_nine); };
    const auto make = [&] { return small_run<host_device>(schedule, dropped_update::zero_gradient); };
    auto unbroken = make();
    std::vector<std::string> reports;
    unbroken.trainer.run(text, of_nine, [&](const step_report& r) { reports.push_back(facts_of(r)); });
    for (std::int64_t step = 0; step < 9; ++step) {
      CAPTURE(schedule);
      CAPTURE(step);
      std::stop_source stop;
      run_options stopping = of_nine;
      stopping.stop = stop.get_token();
      auto first = make(), second = make();
      std::vector<std::string> seen;
      const auto watch = [&](const step_report& r) { seen.push_back(facts_of(r)); };
      stopping.save = [&] { save_checkpoint(folder / "stopped", first.trainer, text.vocabulary()); };
      CHECK_FALSE(first.trainer.run(stopping_text{3 * step + 1, &stop}, stopping, watch));
      CHECK(first.trainer.done().step == step);
      load_checkpoint(folder / "stopped", second.trainer);
      CHECK(second.trainer.done().existing == first.trainer.done().existing);
      CHECK(second.state() == first.state());
      CHECK(second.trainer.run(text, of_nine, watch));
      CHECK(second.state() == unbroken.state());
      CHECK(seen == reports);
      begin(first);  // in the same process
      CHECK(first.state() == unbroken.state());
    }
  }
}

TEST_CASE("A stop request in a step that ends within its time lets it end") {
  for (const int accumulate : {1, 3}) {
    small_run<host_device> run;
    std::stop_source stop;
    int saved = 0;
    const run_options of_six{
        .steps = 6, .batch = 1, .accumulate = accumulate, .save = [&] { ++saved; }, .stop = stop.get_token(), .finish_within = 1e9};
    CHECK_FALSE(run.trainer.run(stopping_text{2 * accumulate, &stop}, of_six));
    CHECK(run.trainer.done().step == 3);
    CHECK(saved == 1);
  }
}

TEST_CASE("A stop request is heard in validation, in a report and in a save, and each state is saved once") {
  for (const std::string where : {"validate", "validate the last", "report", "save"}) {
    CAPTURE(where);
    small_run<host_device> run;
    std::stop_source stop;
    std::vector<std::int64_t> saved, validated;
    run_options of_six{.steps = 6, .batch = 1, .validate_every = 2, .save_every = 3, .stop = stop.get_token()};
    const std::int64_t at = where == "validate the last" ? 6 : where == "save" ? 3 : 4;
    of_six.validate = [&] {
      if (run.trainer.done().step == at && where.starts_with("validate")) stop.request_stop();
      return run.trainer.evaluate(text, 4, 0, 0, stop.get_token());
    };
    of_six.save = [&] {
      saved.push_back(run.trainer.done().step);
      if (saved.back() == at && where == "save") stop.request_stop();
    };
    CHECK_FALSE(run.trainer.run(text, of_six, [&](const step_report& r) {
      if (r.validation_loss) validated.push_back(r.step + 1);
      if (r.step + 1 == at && where == "report") stop.request_stop();
    }));
    CHECK(run.trainer.done().step == at);
    CHECK(saved == (at == 3 ? std::vector<std::int64_t>{3} : std::vector<std::int64_t>{3, at}));
    CHECK(validated == (at == 3             ? std::vector<std::int64_t>{2}
                        : where == "report" ? std::vector<std::int64_t>{2, 4}
                        : at == 4           ? std::vector<std::int64_t>{2}
                                            : std::vector<std::int64_t>{2, 4}));
    of_six.stop = {}, of_six.validate = nullptr;
    CHECK(run.trainer.run(text, of_six));
  }
}

TEST_CASE("Long work of the library ends with a stop request") {
  std::stop_source stop;
  small_run<host_device> run;
  run.trainer.run(text, {.steps = 1, .batch = 1});
  CHECK_NOTHROW(run.trainer.evaluate(text, 4, 0, 0, stop.get_token()));
  CHECK_NOTHROW(token_hash(text, stop.get_token()));
  const stopping_text inside{3, &stop};
  CHECK_THROWS_AS(run.trainer.evaluate(inside, 2, 0, 0, stop.get_token()), stopped);
  CHECK(inside.reads == 4);  // to the end of the batch
  CHECK_THROWS_AS(token_hash(text, stop.get_token()), stopped);
  CHECK_NOTHROW(token_hash(text));
}

TEST_CASE("A run is saved at the multiples of two intervals, and at the end, once each") {
  for (std::int64_t every = 0; every < 6; ++every)
    for (std::int64_t also = 0; also < 6; ++also) {
      CAPTURE(every);
      CAPTURE(also);
      small_run<host_device> run;
      std::vector<std::int64_t> saved, expected;
      for (std::int64_t s = 1; s <= 11; ++s)
        if (s == 11 || (every && s % every == 0) || (also && s % also == 0)) expected.push_back(s);
      run.trainer.run(
          text, {.steps = 11, .batch = 1, .save_every = every, .also_save_every = also, .save = [&] { saved.push_back(run.trainer.done().step); }});
      CHECK(saved == expected);
    }
}
