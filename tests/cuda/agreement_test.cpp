// SPDX-License-Identifier: Apache-2.0
// The GPU trains what the CPU trains: the same plans, batches and random numbers, losses and gradients within a bound for
// each precision, on every axis; and each resumes from the other's checkpoint.
#include <doctest/doctest.h>

#include <raptr/backend/cuda.cuh>

#include "agreement.hpp"
#include "device_orders.hpp"

namespace {
using namespace raptr;
using namespace raptr::testing;

/// On the CPU in its precision, on the GPU in its own.
template <class CpuBlock, class GpuBlock, class Objective> void compare_losses(double bound, const schedule_list& schedules) {
  int row = 0;
  for (const char* schedule : schedules) {
    CAPTURE(std::string(schedule));
    set_device_order(unsigned(row));
    const auto dropped = dropped_update(row++ % 3);
    const auto want = losses_of(made<CpuBlock, Objective, cpu>(schedule, dropped), 20);
    const auto got = losses_of(made<GpuBlock, Objective, cuda>(schedule, dropped), 20);
    CHECK(want.front() - want.back() > 0.01);  // it learns, so it is worth comparing
    CHECK(distance(got, want) < bound);
  }
}
using gpt_bf16 = block<gpt2_block, bf16>;
using bert_bf16 = block<bert_block, bf16>;
TEST_CASE("The losses of 20 steps on every axis are those of the CPU, to 1e-10 in double") {
  compare_losses<gpt64, gpt64, causal_lm>(1e-10, every_axis);
}
// In fp32 and bf16 the axes are where the paths differ: what is packed, what is used in place.
const schedule_list some_axes{"full", "2-3-full with heads 1/2-full with neurons 1/2-full", "sequences 1/2-full"};
TEST_CASE("The losses of 20 steps in fp32 are those of the CPU, to 1e-4") {
  compare_losses<gpt2_block, gpt2_block, causal_lm>(1e-4, some_axes);
  compare_losses<bert_block, bert_block, masked_lm>(1e-4, some_axes);
}
TEST_CASE("The losses of 20 steps in bf16 are those of the CPU in fp32, to 0.03") {
  compare_losses<gpt2_block, gpt_bf16, causal_lm>(0.03, some_axes);
  compare_losses<bert_block, bert_bf16, masked_lm>(0.03, {some_axes[1]});
}

/// The gradient of every tensor, for plans drawn from every schedule: the largest |difference| / |largest entry|.
template <class CpuBlock, class GpuBlock, class Objective> void compare_gradients(sight kind, double bound, const model_shape& shape = four_blocks) {
  rig<CpuBlock, Objective, cpu> want(shape, 3);
  rig<GpuBlock, Objective, cuda> got(shape, 3);
  dice any(5);
  for (const char* schedule : every_axis) {
    CAPTURE(std::string(schedule));
    const batch b = random_batch(any, kind, shape);
    step_plan plan(want.layout(int(b.segments.size())));
    plan_into(plan, any_schedule(schedule), draw_key{7, 0}, 9);
    const double loss = want.loss_with_gradient(plan, b);
    CHECK(std::abs(got.loss_with_gradient(plan, b) - loss) < bound * std::abs(loss));
    const auto ours = got.gradient();
    const auto theirs = want.gradient();
    for (const placed_weight& w : want.model.layout().all()) {
      double difference = 0, largest = 0;
      for (std::int64_t i = w.first; i < w.first + w.size(); ++i) {
        const double a = double(theirs[std::size_t(i)]), c = double(ours[std::size_t(i)]);
        CHECK(std::isnan(a) == std::isnan(c));
        if (std::isnan(a)) continue;
        difference = std::max(difference, std::abs(a - c)), largest = std::max(largest, std::abs(a));
      }
      CAPTURE(w.full_name());
      CHECK(difference <= bound * largest + 1e-9);
    }
  }
}
TEST_CASE("The gradient of every tensor on every axis is that of the CPU") {
  compare_gradients<gpt64, gpt64, causal_lm>(sight::causal, 1e-11);
  compare_gradients<gpt2_block, gpt2_block, causal_lm>(sight::prefix, 1e-4);
  compare_gradients<bert_block, bert_block, masked_lm>(sight::both_sides, 1e-4);
  compare_gradients<gpt2_block, gpt_bf16, causal_lm>(sight::causal, 0.1);
}

TEST_CASE("With rotary positions, dropout, no biases, an own output matrix and other numbers of the shape, the gradients are those of the CPU") {
  using bare = block<gpt2_block, no_biases, rotary<raptr::half>, untied_head>;
  model_shape other = four_blocks;
  other.norm_eps = 0.01, other.attention_scale = 0.4, other.scale_by_depth = true;
  other.dropout = {0.1, 0.2, 0.3};
  compare_gradients<bare, bare, causal_lm>(sight::causal, 1e-4, other);
  compare_gradients<bare, block<bare, bf16>, causal_lm>(sight::causal, 0.1, other);
}

TEST_CASE("A checkpoint of one device is resumed on the other") {
  const char* const schedule = "2-3-full with heads 1/2-full";
  const auto want = losses_of(made<gpt64, causal_lm, cpu>(schedule), 9);
  const std::vector<double> rest(want.begin() + 5, want.end());
  CHECK(distance(losses_across_a_resume(made<gpt64, causal_lm, cpu>(schedule), made<gpt64, causal_lm, cuda>(schedule)), rest) < 1e-11);
  CHECK(distance(losses_across_a_resume(made<gpt64, causal_lm, cuda>(schedule), made<gpt64, causal_lm, cpu>(schedule)), rest) < 1e-11);
}

}  // namespace
