// SPDX-License-Identifier: Apache-2.0
// What is refused before the first step, and what the message says.
#include <doctest/doctest.h>

#include "run_text.hpp"
#include "scratch_folder.hpp"
#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {}

TEST_CASE("A wrong option is named with its value before the first step") {
  small_run<host_device> run;
  const auto refused = [&](const run_options& options, const std::string& what) {
    const std::string said = sentence_of<input_error>([&] { run.trainer.run(text, options, [](const step_report&) { FAIL("a step ran"); }); });
    CAPTURE(said);
    CHECK(has(said, what));
  };
  refused({.steps = 0}, "steps is 0");
  refused({.steps = -3}, "steps is -3");
  refused({.batch = 0}, "batch is 0");
  refused({.accumulate = -1}, "accumulate is -1");
  refused({.clip = -1}, "clip is -1");
  refused({.clip = std::nan("")}, "clip is");
  refused({.max_nonfinite = 0}, "max_nonfinite is 0");
  refused({.validate_every = -1}, "validate_every is -1");
  refused({.save_every = -2}, "save_every is -2");
  refused({.also_save_every = -2}, "also_save_every is -2");
  refused({.finish_within = -1}, "finish_within is -1");
  refused({.finish_within = std::nan("")}, "finish_within is");
  CHECK_FALSE(run.trainer.model().initialised());
}

TEST_CASE("A text, a tokenizer, a schedule or a rule that does not fit is refused before the first step") {
  const auto refused = [](auto& run, const token_list& of, const std::string& what) {
    const std::string said =
        sentence_of<input_error>([&] { run.trainer.run(of, {.steps = 3, .batch = 1}, [](const step_report&) { FAIL("a step ran"); }); });
    CAPTURE(said);
    CHECK(has(said, what));
    CHECK(run.trainer.done().step == 0);
  };
  small_run<host_device> run, many("5-full"), eager("full", dropped_update::frozen, {.lr = std::nan("")}),
      decaying("full", dropped_update::frozen, {.weight_decay = -1});
  refused(run, token_list(8), "needs 9");
  refused(run, token_list(100, {.size = 41}), "41");
  refused(many, text, "5");
  refused(eager, text, "lr is nan");
  refused(decaying, text, "weight_decay is -1");
  small_run<host_device, bert_block, masked_lm> masked("full"), greedy("full", dropped_update::frozen, {}, run_shape, {1}, {.rate = 1.5});
  refused(masked, token_list(100, {.size = 40, .end_of_text = 37}), "no");
  refused(greedy, text, "rate is 1.5");
  small_run<host_device, bert_block, masked_lm> post("full");
  CHECK(run.trainer.run(text, {.steps = 3, .batch = 1}));
  refused(many, text, "5");
  CHECK(has(sentence_of<input_error>([&] { run.trainer.run(text, {.steps = 2, .batch = 1}); }), "completed 3 steps"));
}

TEST_CASE("A schedule that loses trained blocks is refused before the first step, unless the options allow it") {
  for (const char* const schedule : {"full for 2 then stack:2-4", "stack:2-4 for 3 then stack:2-4", "2-4 for 1/2 then stack:3-4"}) {
    small_run<host_device> run(schedule), allowed(schedule);
    const std::string said =
        sentence_of<input_error>([&] { run.trainer.run(text, {.steps = 6, .batch = 1}, [](const step_report&) { FAIL("a step ran"); }); });
    CAPTURE(said);
    CHECK(has(said, "this is shrinking"));
    CHECK_FALSE(run.trainer.model().initialised());
    CHECK(allowed.trainer.run(text, {.steps = 6, .batch = 1, .allow_shrinking = true}));
  }
  small_run<host_device> gap("stack:2-3 for 1/2 then full");
  CHECK(has(sentence_of<input_error>([&] { gap.trainer.run(text, {.steps = 6, .batch = 1, .allow_shrinking = true}); }), "joins the network"));
}
