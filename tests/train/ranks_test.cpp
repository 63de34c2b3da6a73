// SPDX-License-Identifier: Apache-2.0
// Training on several ranks is the training of one: the same samples, the same losses within rounding, equal bits on every rank, and
// nothing is sent for what is dropped.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <mutex>
#include <set>

#include <raptr/comm/thread_ranks.hpp>

#include "rank_errors.hpp"
#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

const char* const ranks_schedules[] = {"2-3-full",
                                       "full with heads 1/2-full",
                                       "heads 1/2-full with neurons 2/3-full",
                                       "sequences 1/2-full",
                                       "stack:1-2-4",
                                       "sublayers(inverse_per_branch) 6-full"};

/// What the test asks of a step. Windows is called with the number of each sample that is read.
struct ranks_result {
  std::vector<std::string> reports;
  std::vector<double> losses, state;
  std::vector<std::uint64_t> bytes, active;
  double validation = 0;
};
template <class Block, class Objective, class Comm>
ranks_result trained_by(Comm& comm, const char* schedule, const run_options& options, std::int64_t stop_at = 0, Objective objective = {}) {
  using model_type = transformer<Block, Objective, host_device>;
  trainer t(model_type(run_shape, small_options<host_device>(), objective), any_schedule(schedule), warmup_linear{.warmup = 5}, comm,
            adamw{.lr = 1e-2});
  const token_list text(900);
  ranks_result out;
  std::stop_source stop;
  run_options asked = options;
  if (stop_at > 0) asked.stop = stop.get_token();
  t.inspect([&](const auto& step) { out.active.push_back(static_cast<std::uint64_t>(step.model().active().size)); });
  t.run(text, asked, [&](const step_report& r) {
    out.reports.push_back(facts_of(r)), out.losses.push_back(r.loss), out.bytes.push_back(r.bytes_sent);
    if (r.step + 1 == stop_at) stop.request_stop();
  });
  for (const auto w : t.model().get_weights()) out.state.push_back(double(w));
  out.validation = t.evaluate(text, 4);
  return out;
}
template <class Block, class Objective>
std::vector<ranks_result> trained_by_ranks(int ranks, const char* schedule, const run_options& options, Objective objective = {}) {
  std::vector<ranks_result> all(static_cast<std::size_t>(ranks));
  run_ranks(ranks, [&](thread_rank& comm) {
    all[static_cast<std::size_t>(comm.rank())] = trained_by<Block, Objective>(comm, schedule, options, 0, objective);
  });
  return all;
}

const run_options eight_steps{.steps = 8, .batch = 6, .accumulate = 2, .seed = 3};

}  // namespace

TEST_CASE("ranks: losses, weights and validation are those of one rank, for every axis") {
  for (const char* schedule : ranks_schedules) {
    CAPTURE(schedule);
    single_process alone;
    const ranks_result one = trained_by<gpt64, causal_lm>(alone, schedule, eight_steps);
    const ranks_result as_thread = trained_by_ranks<gpt64, causal_lm>(1, schedule, eight_steps)[0];
    CHECK(as_thread.state == one.state);
    CHECK(as_thread.reports == one.reports);
    for (int ranks : {2, 3, 4}) {
      CAPTURE(ranks);
      const auto all = trained_by_ranks<gpt64, causal_lm>(ranks, schedule, eight_steps);
      for (const ranks_result& r : all) {
        CHECK(r.state == all[0].state);
        CHECK(r.reports == all[0].reports);
      }
      for (std::size_t k = 0; k < one.losses.size(); ++k) CHECK(all[0].losses[k] == doctest::Approx(one.losses[k]).epsilon(1e-12));
      for (std::size_t k = 0; k < one.state.size(); ++k) CHECK(std::abs(all[0].state[k] - one.state[k]) < 1e-9);
      CHECK(all[0].validation == doctest::Approx(one.validation).epsilon(1e-9));
    }
  }
}

TEST_CASE("ranks: two ranks are two micro-batches of one") {
  const run_options halves{.steps = 6, .batch = 3, .accumulate = 2, .seed = 3}, whole{.steps = 6, .batch = 6, .accumulate = 1, .seed = 3};
  single_process alone;
  const ranks_result one = trained_by<gpt64, causal_lm>(alone, "2-full", halves);
  const ranks_result two = trained_by_ranks<gpt64, causal_lm>(2, "2-full", whole)[0];
  for (std::size_t k = 0; k < one.state.size(); ++k) CHECK(std::abs(two.state[k] - one.state[k]) < 1e-12);
}

TEST_CASE("ranks: a rank whose share has no target takes part, and masks are those of the sample") {
  // Each of 4 ranks has one sequence of every micro-batch, and half of the sequences have no mask.
  const run_options options{.steps = 10, .batch = 4, .accumulate = 2, .seed = 3};
  const masked_lm few{.rate = .08, .masking = masking::independent};
  const auto one = trained_by_ranks<bert_block>(1, "2-full", options, few)[0];
  const auto four = trained_by_ranks<bert_block>(4, "2-full", options, few);
  for (const ranks_result& r : four) CHECK(r.state == four[0].state);
  for (std::size_t k = 0; k < one.losses.size(); ++k) CHECK(four[0].losses[k] == doctest::Approx(one.losses[k]).epsilon(1e-4));
}

TEST_CASE("ranks: what is dropped is not sent") {
  const int ranks = 3;
  for (const char* schedule : ranks_schedules) {
    CAPTURE(schedule);
    const auto all = trained_by_ranks<gpt64, causal_lm>(ranks, schedule, eight_steps);
    for (std::size_t step = 0; step < all[0].bytes.size(); ++step) {
      std::uint64_t sent = 0;
      for (const ranks_result& r : all) sent += r.bytes[step];
      const double gradient = 2.0 * (ranks - 1) * 8 * double(all[0].active[step]);
      CHECK(double(sent) >= .98 * gradient);
      CHECK(double(sent) <= gradient + 2 * (ranks - 1) * 8 + 6 * ranks * 64);  // the loss, and the words before a step
    }
  }
}

namespace {
/// Two ranks, of which the test is one: it notes the calls.
struct noting_rank : single_process {
  static constexpr int ranks() { return 2; }
  template <class Ops, class T> void sum(Ops&, std::span<T>, const comm_operation& o) { calls->push_back(text_of(o)); }
  template <class Ops> void finish(Ops&, const comm_operation&) { calls->push_back("finish"); }
  void gather(std::span<const std::byte> mine, std::span<std::byte> all, const comm_operation& o) {
    calls->push_back(text_of(o));
    for (int r = 0; r < 2; ++r) std::ranges::copy(mine, all.begin() + r * std::ssize(mine));
  }
  std::vector<std::string>* calls;
};
}  // namespace

TEST_CASE("ranks: the gradient of a block is sent when the backward pass of the last micro-batch has left it") {
  std::vector<std::string> calls;
  noting_rank comm;
  comm.calls = &calls;
  trained_by<gpt64, causal_lm>(comm, "2-full", {.steps = 1, .batch = 4, .accumulate = 3, .seed = 3});
  const std::vector<std::string> expected{"step 1, comparison of the ranks",
                                          "step 1, start",
                                          "step 1, gradient of block 3",
                                          "step 1, gradient of block 0",
                                          "step 1, gradient",
                                          "step 1, loss",
                                          "step 1, loss",
                                          "finish",
                                          "evaluation"};
  CHECK(calls == expected);
}

TEST_CASE("ranks: resumed by another number of them, a run visits every sample once and in the same order") {
  std::mutex mutex;
  std::map<std::int64_t, std::vector<std::int64_t>> seen;  // of each step, the first tokens of the windows
  const token_list text(900);
  struct noting_text {
    const token_list& text;
    std::function<void(std::int64_t)> note;
    std::int64_t size() const { return text.size(); }
    void read(std::int64_t first, std::span<std::int32_t> out) const {
      if (out.size() < 100) note(first);  // a window, not the fingerprint of the text
      text.read(first, out);
    }
    raptr::vocabulary vocabulary() const { return text.vocabulary(); }
  };
  const auto order_of = [&](std::vector<int> ranks_of_stretches) {
    seen.clear();
    std::int64_t done = 0;
    std::vector<double> weights;
    for (int ranks : ranks_of_stretches) {
      const std::int64_t end = done + 3;
      run_ranks(ranks, [&](thread_rank& comm) {
        using model_type = transformer<gpt64, causal_lm, host_device>;
        trainer t(model_type(run_shape, small_options<host_device>()), any_schedule("2-3-full"), warmup_linear{.warmup = 5}, comm, adamw{.lr = 1e-2});
        t.model().initialise(1);
        t.set_done({.step = done});
        std::int64_t step = done;
        t.inspect([&](const auto&) { ++step; });
        const noting_text noted{text, [&](std::int64_t first) {
                                  const std::lock_guard lock(mutex);
                                  seen[step].push_back(first);
                                }};
        t.run(noted, {.steps = end, .batch = 5, .accumulate = 2, .seed = 3}, [](const step_report&) {});
      });
      done = end;
    }
    std::vector<std::set<std::int64_t>> steps;
    std::size_t windows = 0;
    for (auto& [step, first] : seen) steps.emplace_back(first.begin(), first.end()), windows += first.size();
    CHECK(windows == 90);
    return steps;
  };
  const auto one = order_of({1, 1, 1});
  CHECK(one.size() == 9);
  CHECK(order_of({2, 3, 1}) == one);
  CHECK(order_of({4, 1, 5}) == one);
}

TEST_CASE("ranks: a stop request to one ends all after the same step, and rank 0 alone saves") {
  std::vector<std::size_t> steps(3);
  std::atomic<int> saves{0};
  run_ranks(3, [&](thread_rank& comm) {
    run_options options = eight_steps;
    options.save = [&] {
      CHECK(comm.rank() == 0);
      ++saves;
    };
    steps[static_cast<std::size_t>(comm.rank())] = trained_by<gpt64, causal_lm>(comm, "2-full", options, comm.rank() == 1 ? 3 : 0).losses.size();
  });
  CHECK(steps[0] < 8);
  CHECK(steps == std::vector<std::size_t>(3, steps[0]));
  CHECK(saves == 1);
}

TEST_CASE("ranks: differences are found before they are trained on, and named") {
  const auto with = [&](auto change) {
    return errors_of_ranks(2, [&](thread_rank& comm) {
      run_options options = eight_steps;
      const char* schedule = "2-full";
      if (comm.rank() == 1) change(options, schedule);
      trained_by<gpt64, causal_lm>(comm, schedule, options);
    });
  };
  const auto has = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  CHECK(has(with([](run_options& o, auto&) { o.seed = 4; }), "differ in seed: 3 and 4; all ranks train one model"));
  CHECK(has(with([](run_options& o, auto&) { o.batch = 8; }), "differ in batch: 6 and 8"));
  CHECK(has(with([](run_options& o, auto&) { o.save = [] {}, o.save_every = 2; }), "differ in save_every: no checkpoints and 2 steps"));
  CHECK(has(with([](run_options&, auto& schedule) { schedule = "3-full"; }), "step 1, start: rank 0 and rank 1 have drawn different subnetworks"));
  CHECK(has(errors_of_ranks(2,
                            [](thread_rank& comm) {
                              using model_type = transformer<gpt64, causal_lm, host_device>;
                              trainer t(model_type(run_shape), any_schedule("full"), comm, adamw{});
                              t.run(token_list(comm.rank() == 0 ? 900 : 901), eight_steps);
                            }),
            "differ in the text: "));
  const std::string few = errors_of_ranks(7, [](thread_rank& comm) { trained_by<gpt64, causal_lm>(comm, "full", eight_steps); });
  CHECK(has(few, "a batch of 6 sequences cannot be divided over 7 ranks"));
  const std::string ended = errors_of_ranks(2, [](thread_rank& comm) {
    using model_type = transformer<gpt64, causal_lm, host_device>;
    trainer t(model_type(run_shape), any_schedule("full"), comm, adamw{});
    t.run(token_list(900), eight_steps, [&](const step_report& r) {
      if (comm.rank() == 1 && r.step == 2) fail("the disk is full");
    });
  });
  CHECK(has(ended, "rank 0 cannot go on, because rank 1 has ended: raptr: the disk is full"));
}
