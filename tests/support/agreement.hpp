// SPDX-License-Identifier: Apache-2.0
// Two devices side by side: the same run on either, on every axis, and a run that goes on with the checkpoint of the other.
#pragma once

#include <doctest/doctest.h>

#include <raptr/checkpoint/checkpoint.hpp>

#include "on_device.hpp"
#include "scratch_folder.hpp"
#include "small_run.hpp"

namespace raptr::testing {

inline constexpr model_shape four_blocks{
    .layers = 4, .width = 16, .heads = 4, .kv_heads = 2, .neurons = 32, .neuron_group = 4, .vocab = 40, .context = 8};

using schedule_list = std::vector<const char*>;
inline const schedule_list every_axis{
    "full",
    "layers(bernoulli, sqrt_gap) 2-3-full",
    "heads(once, inverse) 1/2-full",
    "neurons(sqrt_inverse) 1/4-1/2-full",
    "width 1/4-1/2-full",
    "sublayers(inverse_per_branch) 6-full",
    "sequences 1/2-full",
    "2-3-full with heads 1/2-full with neurons 1/2-full",
    "stack:1-2-4 with neurons 1/2-full",
};

template <class Block, class Objective, class Device> auto made(const char* schedule, dropped_update dropped = dropped_update::frozen) {
  using model = transformer<Block, Objective, Device>;
  return trainer<model, any_schedule, adamw, warmup_linear>(model(four_blocks, small_options<Device>()), any_schedule(schedule), adamw{.lr = 1e-2},
                                                            warmup_linear{.warmup = 5}, update_options{.dropped = dropped});
}
template <class Trainer> std::vector<double> losses_of(Trainer&& trainer, std::int64_t steps) {
  const token_list tokens(400);
  std::vector<double> losses;
  trainer.run(tokens, {.steps = steps, .batch = 2, .accumulate = 2, .seed = 3}, [&](const step_report& r) {
    CHECK(r.nonfinite.empty());
    losses.push_back(r.loss);
  });
  return losses;
}

/// The losses after step 5 of 9: the first trainer is stopped there and saved, the second loads and goes on.
template <class First, class Second> std::vector<double> losses_across_a_resume(First&& first, Second&& second) {
  const token_list tokens(400);
  const scratch_folder folder;
  std::stop_source source;
  run_options some{.steps = 9, .batch = 2, .accumulate = 2, .seed = 3};
  some.stop = source.get_token();
  first.run(tokens, some, [&](const step_report& r) {
    if (r.step == 3) source.request_stop();
  });
  save_checkpoint(folder / "saved", first, tokens.vocabulary());
  load_checkpoint(folder / "saved", second);
  CHECK(second.done().step == 5);
  return losses_of(second, 9);
}

}  // namespace raptr::testing
