// SPDX-License-Identifier: Apache-2.0
// What belongs to a device, to a kernel or to a thread, and not to one model: several models in one process, several devices, several threads.
#include <doctest/doctest.h>

#include <emulator.hpp>
#include <raptr/backend/cuda.cuh>
#include <raptr/nn/layers/norm.hpp>
#include <thread>

#include "fresh_device.hpp"
#include "small_run.hpp"

namespace {
using namespace raptr;
using namespace raptr::testing;
using ops_type = cuda_ops<float, float>;

int current_device() {
  int now = -1;
  REQUIRE(cudaGetDevice(&now) == cudaSuccess);
  return now;
}
float* array_of(ops_type& ops, std::size_t size) {
  float* const made = ops.allocate<float>(size);
  ops.upload(made, std::vector<float>(size, 0.5f).data(), size);
  return made;
}
/// The backward pass of a norm, whose column sums take more shared memory the wider it is; what it adds to the gradient of the gains.
std::vector<float> norm_gradient(ops_type& ops, int width, int rows = 40) {
  const std::size_t all = std::size_t(width) * std::size_t(rows), one = std::size_t(width);
  float *const d = array_of(ops, all), *const normalised = array_of(ops, all), *const scale = array_of(ops, std::size_t(rows));
  float *const gain = array_of(ops, one), *const of_gain = array_of(ops, one), *const of_bias = array_of(ops, one);
  ops.for_each_row(norm_backward<layer_norm, float, float>{normalised, scale, gain, d, nullptr, of_gain, of_bias, width}, rows);
  const std::vector<float> sums = download(ops, static_cast<const float*>(of_gain), one);
  for (float* const made : {d, normalised, scale, gain, of_gain, of_bias}) ops.release(made);
  return sums;
}

TEST_CASE("A narrow model does not take shared memory from a wide one in the same process") {
  const fresh_device device;
  ops_type wide, narrow;
  const std::vector<float> first = norm_gradient(wide, 2048);
  (void)norm_gradient(narrow, 1600);
  CHECK(norm_gradient(wide, 2048) == first);
}

TEST_CASE("A model works on its own device, and the caller's stays the current one") {
  const fresh_device device(2);
  ops_type zero({.device = 0}), one({.device = 1});
  const std::vector<float> expected = norm_gradient(zero, 64);
  for (const int current : {0, 1}) {
    REQUIRE(cudaSetDevice(current) == cudaSuccess);
    CHECK(norm_gradient(one, 64) == expected);
    CHECK(norm_gradient(zero, 64) == expected);
    float y[4] = {};
    for (ops_type* const ops : {&zero, &one}) {
      float *const x = array_of(*ops, 4), *const out = array_of(*ops, 4);
      ops->matmul_nt(out, x, {x, 2, 2}, nullptr, 2, 1.0, no_epilogue{});
      ops->wait(ops->fetch(y, static_cast<const float*>(out), 4));
      CHECK(y[3] == 0.5f);
      ops->release(x), ops->release(out);
    }
    CHECK(current_device() == current);
  }
}

TEST_CASE("A model that was made in one thread trains in another one, whose current device is the first") {
  const fresh_device device(2);
  const token_list tokens(400);
  small_run<cuda> here("2-3-full with heads 1/2-full");
  here.trainer.run(tokens, {.steps = 3, .batch = 1});
  const auto expected = here.state();
  small_run<cuda> there("2-3-full with heads 1/2-full", dropped_update::frozen, {.lr = 1e-2}, run_shape, {.device = 1});
  REQUIRE(current_device() == 1);
  std::thread([&] {
    CHECK(current_device() == 0);
    there.trainer.run(tokens, {.steps = 3, .batch = 1});
    CHECK((there.state() == expected));
    CHECK(current_device() == 0);
  }).join();
}

TEST_CASE("A driver and a toolkit of one major version fit each other") {
  const fresh_device device;
  emulator::options().driver = 12040, emulator::options().runtime = 12080;
  ops_type ops;
  CHECK(norm_gradient(ops, 64).size() == 64);
}

TEST_CASE("Only an error that sticks says that the memory is lost") {
  const fresh_device device;
  ops_type ops;
  const std::vector<float> expected = norm_gradient(ops, 64);
  emulator::fail_after(2, cudaErrorLaunchOutOfResources);  // the first call asks for the current device
  CHECK_THROWS_WITH_AS(ops.for_each_row(zero_rows<float>{ops.allocate<float>(4), 4}, 1),
                       doctest::Contains("(cudaErrorLaunchOutOfResources); its memory is intact"), training_error);
  CHECK(norm_gradient(ops, 64) == expected);
}

TEST_CASE("Biases of any alignment: a product is chosen for the alignment of its bias") {
  // Widths of heads of 5 and 6 and groups of one neuron: where runs of kept units begin changes with the plan.
  for (const int group : {1, 2})
    for (const int width : {20, 24}) {
      const fresh_device device;
      CAPTURE(group);
      CAPTURE(width);
      const model_shape shape{.layers = 2, .width = width, .heads = 4, .neurons = 32, .neuron_group = group, .vocab = 40, .context = 8};
      transformer<gpt2_block, causal_lm, cuda> model(shape);
      model.initialise(1);
      step_plan plan(model.plan_layout());
      dice any(3);
      const batch data = random_batch(any, sight::causal, shape);
      for (std::uint64_t step = 0; step < 8; ++step) {
        plan_into(plan, any_schedule("heads 1/2-full with neurons 1/2-full"), draw_key{1, step}, 100);
        model.begin(plan);
        model.accumulate(plan, data);
        CHECK(std::isfinite(model.loss()));
      }
    }
}

TEST_CASE("A product does not depend on where the arena has put its arrays: no more than 16 bytes are promised of any") {
  const fresh_device device;
  const model_shape shape{.layers = 4, .width = 24, .heads = 4, .neurons = 48, .neuron_group = 4, .vocab = 41, .context = 8};
  transformer<block<gpt2_block, bf16>, causal_lm, cuda> model(shape);
  model.initialise(1);
  step_plan plan(model.plan_layout());
  dice any(3);
  plan_into(plan, any_schedule("2-full with neurons 1/2-full"), draw_key{1, 0}, 100);
  model.begin(plan);
  model.accumulate(plan, random_batch(any, sight::causal, shape));
  emulator::finish();
  CHECK(emulator::counts().promised_alignments.size() > 10);
  for (const unsigned alignment : emulator::counts().promised_alignments) CHECK(alignment <= 16);
}

TEST_CASE("Without an algorithm for a product with a bias the bias is added afterwards; without any the shape and the types are said") {
  const auto result = [](bool with_bias, bool any) {
    const fresh_device device;
    emulator::options().products_with_bias = with_bias, emulator::options().products = any;
    ops_type ops;
    float *const x = array_of(ops, 12), *const w = array_of(ops, 8), *const bias = array_of(ops, 2), *const y = array_of(ops, 6);
    ops.matmul_nt(y, x, {w, 2, 4}, bias, 3, 2.0, no_epilogue{});
    return download(ops, static_cast<const float*>(y), 6);
  };
  CHECK(result(true, true) == std::vector<float>(6, 2.5f));
  CHECK(result(false, true) == std::vector<float>(6, 2.5f));
  CHECK_THROWS_WITH_AS(
      result(true, false),
      "raptr: cuBLASLt has no algorithm for a product of 2 x 4 and 4 x 3 in fp32 with a result in fp32, neither with nor without a bias",
      input_error);
}

TEST_CASE("A large array comes to the host through little pinned memory, and what was enqueued before is in it") {
  const fresh_device device;
  ops_type ops;
  for (const std::size_t size : {(std::size_t(8) << 20) / 4 + 1, (std::size_t(41) << 20) / 4 + 3}) {
    std::vector<float> values(size);
    for (std::size_t i = 0; i < size; ++i) values[i] = float(i % 16777213);
    float* const array = ops.allocate<float>(size);
    ops.upload(array, values.data(), size);
    CHECK((download(ops, static_cast<const float*>(array), size) == values));
    ops.release(array);
  }
  CHECK(emulator::peak_pinned_bytes() <= std::size_t(22) << 20);  // two parts of 8 MiB, and the ring of uploads
}

}  // namespace
