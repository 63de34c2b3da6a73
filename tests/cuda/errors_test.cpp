// SPDX-License-Identifier: Apache-2.0
// What a person reads when the GPU cannot be used or gives up, and what is left then. These faults are made by the emulator.
#include <doctest/doctest.h>

#include <emulator.hpp>
#include <raptr/backend/cuda.cuh>

#include "fresh_device.hpp"
#include "small_run.hpp"

namespace {
using namespace raptr;
using namespace raptr::testing;
using ops_type = cuda_ops<float, float>;

TEST_CASE("No GPU, no driver, an old driver, an old GPU and a number that does not exist are told apart") {
  const fresh_device device;
  auto& options = emulator::options();
  options.devices = 0;
  CHECK_THROWS_WITH_AS(ops_type(), doctest::Contains("no GPU can be used"), input_error);
  options.devices = 2;
  CHECK_THROWS_WITH_AS(ops_type({.device = 2}), "raptr: there is no GPU 2: this machine has 2, counted from 0", input_error);
  CHECK_THROWS_WITH_AS(ops_type({.device = -1}), "raptr: there is no GPU -1: this machine has 2, counted from 0", input_error);
  options.driver = 12040, options.runtime = 13000;
  CHECK_THROWS_WITH_AS(ops_type(),
                       "raptr: the driver of the GPU supports CUDA up to 12.4, this program was built with 13.0: update the driver, or build "
                       "with a toolkit of CUDA 12",
                       input_error);
  options.driver = 13000, options.device.major = 7, options.device.minor = 5;
  CHECK_THROWS_WITH_AS(ops_type(), "raptr: emulator has compute capability 7.5, raptr needs 8.0 or more", input_error);
  options.device.major = 8, options.device.minor = 0, options.architecture = 90;
  ops_type ops;
  CHECK_THROWS_WITH_AS(ops.for_each_row(zero_rows<float>{ops.allocate<float>(4), 4}, 1),
                       "raptr: this program has no kernels for emulator: compile it with -arch=sm_80 (CMAKE_CUDA_ARCHITECTURES=80)", input_error);
}

TEST_CASE("Out of memory says what was asked, what is free and what is held, and nothing is lost") {
  const fresh_device device;
  emulator::options().memory = std::size_t(64) << 20;
  ops_type ops;
  const std::vector<float> values{1, 2, 3};
  float* const kept = ops.allocate<float>(std::size_t(5) << 18);
  ops.upload(kept, values.data(), 3);
  CHECK_THROWS_WITH_AS(ops.allocate<float>(std::size_t(100) << 18),
                       "raptr: the GPU has no 100 MiB left: 55 MiB of 64 MiB are free, this model already holds 9 MiB; use a smaller batch with "
                       "more accumulation, or a smaller context",
                       input_error);
  CHECK_THROWS_AS(ops.allocate<double>(std::size_t(-1) / 4), input_error);
  CHECK(download(ops, static_cast<const float*>(kept), 3) == values);
  ops.release(kept);
  CHECK_THROWS_WITH_AS(ops.release(kept), doctest::Contains("did not return, or got it twice"), input_error);
}

TEST_CASE("A run that does not fit leaves the model as it was, and goes on with a batch that does") {
  const fresh_device device;
  small_run<cuda> run("full");
  const token_list tokens(2000);
  run.trainer.run(tokens, {.steps = 2, .batch = 1});
  const auto before = run.state();
  emulator::options().memory = emulator::alive().bytes + (std::size_t(1) << 16);
  CHECK_THROWS_AS(run.trainer.run(tokens, {.steps = 4, .batch = 64}), input_error);
  CHECK(run.state() == before);
  emulator::options().memory = std::size_t(1) << 30;
  run.trainer.run(tokens, {.steps = 4, .batch = 1});
  CHECK(run.trainer.done().step == 4);
}

TEST_CASE("A sticky error names the operation and says that the process is over") {
  const fresh_device device;
  small_run<cuda> run("full");
  const token_list tokens(400);
  emulator::fail_after(200, cudaErrorIllegalAddress);
  CHECK_THROWS_WITH_AS(run.trainer.run(tokens, {.steps = 4, .batch = 1}), doctest::Contains("resume from the last checkpoint"), training_error);
  CHECK_THROWS_AS((void)run.state(), training_error);
}

TEST_CASE("Everything that was taken is given back") {
  const fresh_device device;
  {
    small_run<cuda> run("2-3-full with heads 1/2-full");
    run.trainer.run(token_list(400), {.steps = 3, .batch = 1});
    CHECK(emulator::alive().bytes > 0);
  }
  const emulator::living left = emulator::alive();
  CHECK(left.blocks == 0);
  CHECK(left.pinned_blocks == 0);
  CHECK(left.streams == 0);
  CHECK(left.events == 0);
  CHECK(left.library_objects == 0);
}

}  // namespace
