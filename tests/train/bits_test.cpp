// SPDX-License-Identifier: Apache-2.0
// Training gives the same bits for any number of threads and in every run: inner sizes above the blocks of the products,
// rows that divide by nothing, several stages and all rules of the optimizer.
#include <doctest/doctest.h>

#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {
template <class Block, class Objective> std::vector<double> trained(int threads, dropped_update dropped, std::vector<std::string>& reports) {
  const model_shape shape{.layers = 3, .width = 72, .heads = 3, .neurons = 1100, .neuron_group = 20, .vocab = 1301, .context = 37};
  small_run<cpu, Block, Objective> run("2-full", dropped, {.lr = 1e-3}, shape, cpu_options{threads});
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

TEST_CASE("A GPT has the same bits with 1, 2 and 4 threads and in repeated runs") {
  all_bits_are_the_same<gpt2_block, causal_lm>(dropped_update::frozen);
}
TEST_CASE("A BERT has the same bits with 1, 2 and 4 threads and in repeated runs") {
  all_bits_are_the_same<bert_block, masked_lm>(dropped_update::zero_gradient);
}
