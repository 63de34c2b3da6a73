// SPDX-License-Identifier: Apache-2.0
// What only TSan can see: threads, blocks and streams that touch the same memory without an order between them. Its reports are counted
// here instead of ending the program; without TSan there is nothing to test.
#include <doctest/doctest.h>

#include "emulator_support.hpp"
#include "parts/sanitizers.hpp"

#ifdef EMULATOR_TSAN

using namespace emulator_tests;

namespace {

// TSan asks in the middle of its report, in the name of the thread that raced: what it touches then must be unseen.
int reports = 0;
bool counting = false;
EMULATOR_UNSEEN __attribute__((noinline)) void start_counting() { reports = 0, counting = true; }
EMULATOR_UNSEEN __attribute__((noinline)) int stop_counting() {
  counting = false;
  return reports;
}

template <class Work> int races(Work work) {
  start_counting();
  work();
  return stop_counting();
}

// TSan tells of a place once only, so each test case has kernels of its own.
template <int which, bool with_barrier> __global__ void hand_over(int* out) {
  int* const shared = shared_array<int>();
  shared[threadIdx.x] = static_cast<int>(threadIdx.x);
  if constexpr (with_barrier && which == 0) __syncthreads();
  if constexpr (with_barrier && which == 1) __syncwarp();
  out[threadIdx.x] = shared[threadIdx.x ^ 1];
}
template <int which, bool apart> __global__ void count_up(int* out) { ++out[apart ? blockIdx.x : 0]; }
template <bool by_warp> __global__ void read_of_other_block(int* out) {
  if (blockIdx.x == 0) out[threadIdx.x] = 1;
  if constexpr (by_warp) __syncwarp();
  if constexpr (!by_warp) __syncthreads();
  if (blockIdx.x == 1) out[64 + threadIdx.x] = out[63 - threadIdx.x];
}
template <int which> __global__ void double_it(int* values) { values[threadIdx.x] *= 2; }
template <int which> __global__ void reuse_shared(int* out) {
  int* const shared = shared_array<int>();
  int own[64];  // on the stack, where the next block's thread has its own
  for (int i = 0; i < 64; ++i) own[i] = i + static_cast<int>(threadIdx.x);
  shared[threadIdx.x] = 0;
  for (int i = 0; i < 64; ++i) shared[threadIdx.x] += own[(i * 7) % 64];
  __syncthreads();
  out[blockIdx.x * blockDim.x + threadIdx.x] = shared[(threadIdx.x + 1) % blockDim.x];
}

}  // namespace

// Otherwise it is silent about an address, or a pair of places, that it has told of before, and the heap gives addresses again.
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "suppress_equal_addresses=0:suppress_equal_stacks=0"; }

namespace __tsan {
class ReportDesc;
bool OnReport(const ReportDesc*, bool suppressed);
EMULATOR_UNSEEN bool OnReport(const ReportDesc*, bool suppressed) {
  reports += counting;
  return suppressed || counting;
}
}  // namespace __tsan

TEST_CASE("shared memory handed over with a barrier is no race, without one it is") {
  device gpu;
  int* const out = gpu.array<int>(64);
  CHECK(races([&] { gpu.launch(hand_over<0, true>, 1, 64, 256, out); }) == 0);
  CHECK(races([&] { gpu.launch(hand_over<1, true>, 1, 64, 256, out); }) == 0);
  CHECK(races([&] { gpu.launch(hand_over<2, false>, 1, 64, 256, out); }) > 0);
}

TEST_CASE("blocks that write the same global memory are a race, blocks apart are none") {
  device gpu;
  int* const out = gpu.array(std::vector<int>(8));
  CHECK(races([&] { gpu.launch(count_up<0, true>, 8, 1, 0, out); }) == 0);
  CHECK(races([&] { gpu.launch(count_up<1, false>, 8, 1, 0, out); }) > 0);
}

TEST_CASE("a barrier, of a block or of a warp, orders nothing between blocks") {
  int by_block = 0, by_warp = 0;
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    device gpu(emulator::order::eager, seed);
    // Memory of its own for each: TSan looks no more at what it has told of.
    int *const first = gpu.array<int>(2 * 64), *const second = gpu.array<int>(2 * 64);
    by_block += races([&] { gpu.launch(read_of_other_block<false>, 2, 64, 0, first); }) > 0;
    by_warp += races([&] { gpu.launch(read_of_other_block<true>, 2, 64, 0, second); }) > 0;
  }
  // Not in all orders: the two blocks may have been given the same threads.
  CHECK(by_block >= 10);
  CHECK(by_warp >= 10);
}

TEST_CASE("blocks have shared memory and stacks of their own") {
  device gpu;
  int* const out = gpu.array<int>(64 * 16);
  CHECK(races([&] { gpu.launch(reuse_shared<0>, 16, 64, 256, out); }) == 0);
}

TEST_CASE("kernels of one stream are in order, those of two streams only with an event") {
  int seen = 0;
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    device gpu(seed % 2 == 0 ? emulator::order::eager : emulator::order::lazy, seed);
    cudaStream_t second = nullptr;
    cudaEvent_t event = nullptr;
    cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking);
    cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
    int* const values = gpu.array(std::vector<int>(32));
    const auto in_second = [&](void (*kernel)(int*)) {
      const cudaLaunchConfig_t config{1, 32, 0, second, nullptr, 0};
      cudaLaunchKernelEx(&config, kernel, values);
      emulator::finish();
    };
    CHECK(races([&] {
            gpu.launch(double_it<0>, 1, 32, 0, values);
            gpu.launch(double_it<0>, 1, 32, 0, values);
            cudaEventRecord(event, gpu.stream);
            cudaStreamWaitEvent(second, event);
            in_second(double_it<0>);
          }) == 0);
    cudaStreamSynchronize(second);
    seen += races([&] {
              gpu.launch(double_it<1>, 1, 32, 0, values);
              in_second(double_it<1>);
            }) > 0;
    emulator::finish();
  }
  CHECK(seen >= 13);
}

TEST_CASE("the host races with a copy that it did not wait for") {
  device gpu;
  int* const values = gpu.array(std::vector<int>(32));
  int* host = nullptr;
  cudaMallocHost(&host, 128);
  cudaMemcpyAsync(host, values, 128, cudaMemcpyDeviceToHost, gpu.stream);
  cudaStreamSynchronize(gpu.stream);
  CHECK(races([&] { host[3] += 1; }) == 0);
  cudaMemcpyAsync(host, values, 128, cudaMemcpyDeviceToHost, gpu.stream);
  CHECK(races([&] { host[5] += 1; }) > 0);
  cudaStreamSynchronize(gpu.stream);
}

#endif
