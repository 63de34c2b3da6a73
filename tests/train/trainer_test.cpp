// SPDX-License-Identifier: Apache-2.0
// The loop: what is reported when, what is called when, what ends a run and what is refused before it begins.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <set>

#include "run_text.hpp"
#include "scratch_folder.hpp"
#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {}

TEST_CASE_TEMPLATE("Every step is reported once, in order, at the latest while the next one runs", Device, RAPTR_TEST_DEVICES) {
  small_run<Device> run;
  std::vector<std::int64_t> order;
  std::int64_t late = 0;
  const bool ended = run.trainer.run(text, {.steps = 12, .batch = 2}, [&](const step_report& r) {
    order.push_back(r.step);
    late = std::max(late, run.trainer.done().step - r.step);
    CHECK(std::isfinite(r.loss));
    CHECK(r.loss > 0);
    CHECK(r.gradient_norm > 0);
    CHECK(r.seconds >= 0);
    CHECK(r.tokens == 16);
    CHECK(r.targets == 16);
    CHECK(r.active_blocks == (r.step < 4 ? 2 : r.step < 8 ? 3 : 4));
    CHECK(r.stage == r.step / 4);
    CHECK(r.learning_rate == doctest::Approx(1e-2 * warmup_linear{5}(r)));
    CHECK(r.line().find("step " + std::to_string(r.step + 1) + " of 12") == 0);
  });
  CHECK(ended);
  std::vector<std::int64_t> expected;
  for (std::int64_t s = 0; s < 12; ++s) expected.push_back(s);
  CHECK(order == expected);
  CHECK(late == 2);  // the step of the report is done, and the next one
  CHECK(run.trainer.done().step == 12);
}

TEST_CASE_TEMPLATE("A small model learns", Device, host_device) {
  small_run<Device> run;
  double first = 0, last = 0;
  run.trainer.run(text, {.steps = 150, .batch = 4}, [&](const step_report& r) { (r.step == 0 ? first : last) = r.loss; });
  CHECK(first == doctest::Approx(std::log(40)).epsilon(0.02));
  CHECK(last < 0.8 * first);
}

TEST_CASE_TEMPLATE("Validation and saving are called after the right steps, in that order, when all reports are there", Device, RAPTR_TEST_DEVICES) {
  small_run<Device> run;
  std::vector<std::string> events;
  const auto note = [&](const std::string& what) { events.push_back(what + " " + std::to_string(run.trainer.done().step)); };
  run.trainer.run(text,
                  {.steps = 7,
                   .batch = 1,
                   .validate_every = 3,
                   .validate = [&] { return note("validate"), 1.5; },
                   .save_every = 2,
                   .save = [&] { note("save"); }},
                  [&](const step_report& r) {
                    if (r.validation_loss) CHECK(*r.validation_loss == 1.5);
                    events.push_back("report " + std::to_string(r.step + 1) + (r.validation_loss ? " with loss" : ""));
                  });
  CHECK(events == std::vector<std::string>{"report 1", "report 2", "save 2", "validate 3", "report 3 with loss", "report 4", "save 4", "report 5",
                                           "validate 6", "report 6 with loss", "save 6", "validate 7", "report 7 with loss", "save 7"});
}

TEST_CASE("The last step is saved even if nothing was asked to be saved on the way") {
  small_run<host_device> run;
  int saved = 0, validated = 0;
  run.trainer.run(text, {.steps = 5, .batch = 1, .validate = [&] { return ++validated, 0.0; }, .save = [&] { ++saved; }});
  CHECK(saved == 1);
  CHECK(validated == 0);
}

TEST_CASE_TEMPLATE("A request to stop ends the run after the step under way, reports it and saves", Device, RAPTR_TEST_DEVICES) {
  small_run<Device> run;
  std::stop_source stop;
  std::vector<std::int64_t> reported;
  std::vector<std::int64_t> saved;
  const bool ended =
      run.trainer.run(text, {.steps = 20, .batch = 1, .save = [&] { saved.push_back(run.trainer.done().step); }, .stop = stop.get_token()},
                      [&](const step_report& r) {
                        reported.push_back(r.step);
                        if (r.step == 5) stop.request_stop();
                      });
  CHECK_FALSE(ended);
  CHECK(saved == std::vector<std::int64_t>{run.trainer.done().step});
  CHECK(reported.back() + 1 == run.trainer.done().step);
  CHECK(run.trainer.done().step <= 8);
  CHECK(run.trainer.run(text, {.steps = 20, .batch = 1}));
  CHECK(run.trainer.done().step == 20);
}

TEST_CASE("In 200 steps about 129 different sets of blocks are drawn, the first and the last block always") {
  model_shape shape = run_shape;
  shape.layers = 12;
  for (const std::uint64_t seed : {1u, 2u}) {
    std::set<std::vector<int>> sets;
    step_plan plan(layout_of<gpt2_block>(shape));
    for (std::uint64_t step = 0; step < 200; ++step) {
      plan_into(plan, constant<layer_drop<keep<6>>>{}, draw_key{seed, step}, 200);
      std::vector<int> blocks;
      for (const block_plan& b : plan.blocks()) blocks.push_back(b.block);
      CHECK(blocks.front() == 0);
      CHECK(blocks.back() == 11);
      sets.insert(blocks);
    }
    CHECK(sets.size() >= 110);
    CHECK(sets.size() <= 148);
  }
}

TEST_CASE("A run trains the plans of its own seed") {
  const char* const schedule = "layers(bernoulli, fixed:0:0) constant:1/2";
  for (const std::uint64_t seed : {7u, 8u}) {
    small_run<host_device> run(schedule);
    std::vector<int> trained, drawn;
    run.trainer.run(text, {.steps = 20, .batch = 1, .seed = seed}, [&](const step_report& r) { trained.push_back(r.active_blocks); });
    step_plan plan(run.trainer.model().plan_layout());
    for (std::uint64_t step = 0; step < 20; ++step) {
      plan_into(plan, any_schedule(schedule), draw_key{seed, step}, 20);
      drawn.push_back(plan.size());
    }
    CHECK(trained == drawn);
  }
}
