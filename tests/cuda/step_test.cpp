// SPDX-License-Identifier: Apache-2.0
// What the host and the device do in a step, counted by the emulator: nobody waits, and what is dropped is not there.
#include <doctest/doctest.h>

#include <emulator.hpp>
#include <raptr/backend/cuda.cuh>
#include <raptr/models/gpt2.hpp>
#include <raptr/optim/adamw.hpp>

#include "small_run.hpp"

namespace {
using namespace raptr;
using namespace raptr::testing;

struct traffic {
  std::size_t launches, matmuls, synchronisations, allocations;
};
/// Of the second step of two with this plan: the first one allocates.
template <class Block> traffic of_step(const char* schedule) {
  emulator::reset();
  using model_type = transformer<Block, causal_lm, cuda>;
  model_type model(run_shape);
  model.initialise(1);
  optimizer<adamw, model_type> rule(model, adamw{});
  step_plan plan(model.plan_layout());
  plan_into(plan, any_schedule(schedule), draw_key{1, 0}, 4);
  dice any(3);
  const batch b = random_batch(any, sight::causal, run_shape);
  const auto step = [&] { model.begin(plan), model.accumulate(plan, b), rule.step(model, 1e-3, 1); };
  step();
  emulator::finish(), emulator::clear_counts();
  step();
  const emulator::counters& c = emulator::counts();
  return {c.launches, c.matmuls, c.synchronisations, c.allocations.calls};
}

TEST_CASE("The host waits for nothing in a step and allocates nothing, whatever is dropped") {
  for (const char* schedule : {"full", "2-full", "heads 1/2-full with neurons 1/3-full"}) {
    const traffic now = of_step<gpt2_block>(schedule);
    CHECK(now.synchronisations == 0);
    CHECK(now.allocations == 0);
    CHECK(now.launches > 0);
  }
}
TEST_CASE("A dropped block starts no kernel and no product") {
  const traffic four = of_step<gpt2_block>("full"), three = of_step<gpt2_block>("3-full"), two = of_step<gpt2_block>("2-full");
  CHECK(two.matmuls < three.matmuls);
  CHECK(four.matmuls - three.matmuls == three.matmuls - two.matmuls);
  CHECK(four.launches - three.launches == three.launches - two.launches);
  CHECK(four.matmuls - three.matmuls == 12);  // four weights: forward, gradient of the input, gradient of the weight
}
TEST_CASE("No product sums its parts in bfloat16") {
  (void)of_step<block<gpt2_block, bf16>>("2-full with heads 1/2-full");
  CHECK(emulator::counts().matmuls > 0);
  CHECK(emulator::counts().summed_in_output_type == 0);
}
TEST_CASE("A caller of upload() may use its memory at once, and a fetch promises the moment it was asked") {
  for (const auto order : {emulator::order::eager, emulator::order::lazy, emulator::order::random}) {
    emulator::reset();
    emulator::options().order = order;
    cuda_ops<float, float> ops;
    constexpr std::size_t n = 700'000;  // several parts of the ring
    std::vector<float> host(n), first(n), second(n);
    float* const device = ops.allocate<float>(n);
    for (std::size_t i = 0; i < n; ++i) host[i] = float(i);
    ops.upload(device, host.data(), n);
    const ticket before = ops.fetch(first.data(), device, n);
    for (float& x : host) x = -x;
    ops.upload(device, host.data(), n);
    const ticket after = ops.fetch(second.data(), device, n);
    std::fill(host.begin(), host.end(), 0.0f);
    ops.wait(after), ops.wait(before), ops.wait(after);
    bool right = true;
    for (std::size_t i = 0; i < n; ++i) right = right && first[i] == float(i) && second[i] == -float(i);
    CHECK(right);
  }
}

}  // namespace
