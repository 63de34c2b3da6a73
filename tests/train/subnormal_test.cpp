// SPDX-License-Identifier: Apache-2.0
// Under zero_gradient the moments of a block that is not drawn any more shrink by the same factor in every step. They end
// at 0 and are never subnormal, where a processor would be many times slower, and the bits do not depend on the threads.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

/// Block 1 is drawn in the first three steps only.
struct block_one_first {
  stage_rule at(const run_position& now) const {
    stage_rule rules;
    if (now.step >= 3) rules.add(rule_of<layer_drop<keep<1>, first_units>>());
    return rules;
  }
};

template <class Rule> struct shrinking_run {
  using model_type = transformer<gpt2_block, causal_lm, host_device>;
  trainer<model_type, block_one_first, Rule> trainer_;
  int subnormal = 0, left = 0, at_first = 0;
  std::vector<float> end;

  shrinking_run(const Rule& rule, int threads)
      : trainer_(model_type({.layers = 2, .width = 8, .heads = 2, .neurons = 8, .neuron_group = 4, .vocab = 40, .context = 8}, {threads}),
                 block_one_first{}, rule, update_options{.dropped = dropped_update::zero_gradient}) {
    const token_list text(200);
    run_options options{.steps = 240, .batch = 1, .save_every = 3};
    options.save = [&] {
      auto& model = trainer_.model();
      const auto size = static_cast<std::size_t>(model.layout().size());
      const auto first = static_cast<std::size_t>(model.layout().all()[model.layout().of(1, 0)].first);
      left = 0, end = model.get_weights();
      for (int k = 0; k < Rule::moments; ++k) {
        const auto moment = download(model.ops(), static_cast<const float*>(trainer_.optimizer().moment(k)), size);
        for (const float x : moment) subnormal += std::fpclassify(x) == FP_SUBNORMAL;
        for (std::size_t i = first; i < size; ++i) left += moment[i] != 0;
        end.insert(end.end(), moment.begin(), moment.end());
      }
      for (const float w : model.get_weights()) subnormal += std::fpclassify(w) == FP_SUBNORMAL;
      if (at_first == 0) at_first = left;
    };
    trainer_.run(text, options);
  }
};

template <class Rule> void ends_at_zero(const Rule& rule) {
  const shrinking_run<Rule> one(rule, 1);
  CHECK(one.at_first > 300);
  CHECK(one.left == 0);
  CHECK(one.subnormal == 0);
  for (const int threads : {2, 4}) CHECK(shrinking_run<Rule>(rule, threads).end == one.end);
}

#if defined(__SSE2__)
/// Weights of half the smallest normal number and training under a mode that was set when the threads existed.
std::vector<double> trained_in_mode(unsigned mode, int threads) {
  const model_shape shape{.layers = 2, .width = 40, .heads = 2, .neurons = 200, .neuron_group = 10, .vocab = 300, .context = 16};
  small_run<host_device> run("full", dropped_update::zero_gradient, {.lr = 1e-39, .weight_decay = 0}, shape, host_options{threads});
  auto& model = run.trainer.model();
  model.initialise(1);
  std::vector<float> w = model.get_weights();
  for (std::size_t i = 0; i < w.size(); ++i)
    if (i % 3) w[i] *= 1e-37f;
  model.set_weights(w);
  const unsigned usual = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(usual | mode);
  run.trainer.run(token_list(3000), {.steps = 3, .batch = 8});
  const unsigned after = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(usual);
  CHECK((after & 0xffc0u) == ((usual | mode) & 0xffc0u));
  return run.state();
}
#endif

}  // namespace

#if defined(__SSE2__)
TEST_CASE("A mode that the caller sets after the threads were made gives the same bits with 1, 2 and 4 threads and in every run") {
  const unsigned flush_to_zero = 1u << 15, denormals_are_zero = 1u << 6, upward = 2u << 13, to_zero = 3u << 13;
  std::vector<std::vector<double>> all;
  for (const unsigned mode : {0u, flush_to_zero, denormals_are_zero, flush_to_zero | denormals_are_zero, upward, to_zero}) {
    all.push_back(trained_in_mode(mode, 1));
    for (const int threads : {2, 4, 2, 4}) CHECK(trained_in_mode(mode, threads) == all.back());
  }
  CHECK(all[0] != all[1]);  // the weights are small enough for the mode to matter
  CHECK(all[0] != all[2]);
  CHECK(all[0] != all[4]);
  CHECK(all[4] != all[5]);
}
#endif

// .5^n of a moment of 1e-3 is subnormal from step 117 to 139, .6^n from 158 to 189.
TEST_CASE("Moments of AdamW that shrink end at 0, never subnormal, with the same bits for 1, 2 and 4 threads") {
  ends_at_zero(adamw{.beta1 = 0.5, .beta2 = 0.6});
}
TEST_CASE("A momentum that shrinks ends at 0, never subnormal, with the same bits for 1, 2 and 4 threads") {
  ends_at_zero(sgd{.lr = 1e-2, .momentum = 0.5});
}
