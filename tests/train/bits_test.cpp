// SPDX-License-Identifier: Apache-2.0
// Training gives the same bits for any number of threads and in every run: inner sizes above the blocks of the products,
// rows that divide by nothing, several stages and all rules of the optimizer.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {
template <class Block, class Objective> std::vector<double> trained(int threads, dropped_update dropped, std::vector<std::string>& reports) {
  const model_shape shape{.layers = 3, .width = 72, .heads = 3, .neurons = 1100, .neuron_group = 20, .vocab = 1301, .context = 37};
  small_run<host_device, Block, Objective> run("2-full", dropped, {.lr = 1e-3}, shape, host_options{threads});
  const token_list text(3000, {.size = 1301, .end_of_text = 37, .mask = 38, .pad = 39});
  reports.clear();
  run.trainer.run(text, {.steps = 4, .batch = 29, .accumulate = 2}, [&](const step_report& r) { reports.push_back(facts_of(r)); });
  return run.state();
}
template <class Block, class Objective> void all_bits_are_the_same(dropped_update dropped) {
  std::vector<std::string> expected, reports;
  const auto one = trained<Block, Objective>(1, dropped, expected);
  CHECK(expected.size() == 4);
  for (const int threads : {1, 2, 4}) {
    CHECK(trained<Block, Objective>(threads, dropped, reports) == one);
    CHECK(reports == expected);
  }
}
}  // namespace

TEST_CASE("Predictions between the steps of a run, in its observers and of another model on another thread leave its bits alone") {
  const token_list text(900);
  const run_options options{.steps = 8, .batch = 5, .accumulate = 2};
  small_run<host_device> alone("2-3-full", dropped_update::zero_gradient, {.lr = 1e-2}, run_shape, host_options{2});
  std::vector<std::string> expected, reports;
  alone.trainer.run(text, options, [&](const step_report& r) { expected.push_back(facts_of(r)); });

  dice any(3);
  const batch b = random_batch(any, sight::causal, run_shape);
  const auto predict = [&](auto& model) {
    const step_plan of_two = step_plan::of_blocks(model.plan_layout(), unit_set{1, 3});
    model.begin(of_two, false);
    return model.predict(of_two, b);
  };
  std::atomic<bool> over{false};
  std::vector<float> first, last;
  std::thread beside([&] {
    small_run<host_device> other("full", dropped_update::frozen, {}, run_shape, host_options{2});
    other.trainer.model().initialise(9);
    first = predict(other.trainer.model());
    do last = predict(other.trainer.model());
    while (!over);
  });
  small_run<host_device> busy("2-3-full", dropped_update::zero_gradient, {.lr = 1e-2}, run_shape, host_options{2});
  busy.trainer.model().initialise(options.seed);
  while (busy.trainer.done().step < options.steps) {
    std::stop_source stop;
    run_options some = options;
    some.stop = stop.get_token();
    busy.trainer.run(text, some, [&](const step_report& r) {
      reports.push_back(facts_of(r));
      predict(busy.trainer.model());
      if (r.step % 3 == 2) stop.request_stop();
    });
    predict(busy.trainer.model());
    busy.trainer.evaluate(text, 3, 5);
  }
  over = true;
  beside.join();
  CHECK(busy.state() == alone.state());
  CHECK(reports == expected);
  CHECK(first == last);
}

TEST_CASE("A GPT has the same bits with 1, 2 and 4 threads and in repeated runs") {
  all_bits_are_the_same<gpt2_block, causal_lm>(dropped_update::frozen);
}
TEST_CASE("A BERT has the same bits with 1, 2 and 4 threads and in repeated runs") {
  all_bits_are_the_same<bert_block, masked_lm>(dropped_update::zero_gradient);
}
