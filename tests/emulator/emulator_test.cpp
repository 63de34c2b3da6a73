// SPDX-License-Identifier: Apache-2.0
// The emulator's kernels: what works on a device works here, and each kind of mistake in a kernel is seen.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <set>
#include <stdexcept>

#include "emulator_support.hpp"

using namespace emulator_tests;

namespace {

__global__ void number_threads(int* out) {
  const unsigned inside = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  out[block * blockDim.x * blockDim.y * blockDim.z + inside] += static_cast<int>(block * 1000 + inside);
}

template <bool ends_with_barrier> __global__ void sum_rows(float* out, const float* in, int rows, int columns) {
  float* const of_warp = shared_array<float>();
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  for (int row = 0; row < rows; ++row) {
    float sum = 0;
    for (int i = thread; i < columns; i += threads) sum += in[row * columns + i];
    for (int away = 16; away > 0; away /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, away);
    if (thread % 32 == 0) of_warp[thread / 32] = sum;
    __syncthreads();
    sum = thread % 32 < threads / 32 ? of_warp[thread % 32] : 0;
    for (int away = 16; away > 0; away /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, away);
    if constexpr (ends_with_barrier) __syncthreads();
    if (thread == 0) out[row] = sum;
  }
}

template <bool ends_with_barrier> int wrong_sums(std::uint64_t seed) {
  device gpu(emulator::order::eager, seed);
  const int rows = 8, columns = 512;
  std::vector<float> in(rows * columns);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i / columns + 1);
  float* const out = gpu.array<float>(rows);
  CHECK(gpu.launch(sum_rows<ends_with_barrier>, 1, 256, 8 * sizeof(float), out, gpu.array(in), rows, columns) == cudaSuccess);
  const std::vector<float> sums = gpu.values(out, rows);
  int wrong = 0;
  for (int row = 0; row < rows; ++row) wrong += !(sums[static_cast<std::size_t>(row)] == static_cast<float>((row + 1) * columns));
  return wrong;
}

__global__ void barrier_for_some(int* out) {
  if (threadIdx.x < 40) __syncthreads();
  out[threadIdx.x] = 1;
}
__global__ void two_barriers(int* out) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  out[threadIdx.x] = 1;
}
__global__ void shuffle_in_half_a_warp(int* out) {
  if (threadIdx.x % 32 < 16) out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1, 8);
}
__global__ void shuffle_of_half_a_warp(int* out) {
  const int lane = static_cast<int>(threadIdx.x);
  if (lane < 16)
    out[lane] = __shfl_xor_sync(0x0000ffffu, lane, 15);
  else
    out[lane] = __shfl_xor_sync(0xffff0000u, lane, 15);
  out[lane] = __shfl_sync(0xffffffffu, out[lane], 31 - lane);
}
__global__ void shuffle_from_outside(int* out) {
  if (threadIdx.x < 16) out[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, 1, 16);
}
__global__ void shuffle_without_oneself(int* out) { out[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, 1, 1); }
__global__ void shuffle_of_a_short_warp(int* out) { out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, static_cast<int>(threadIdx.x), 16); }
__global__ void two_shuffles(int* out) {
  if (threadIdx.x % 2 == 0) {
    out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1, 2);
  } else {
    out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 2, 2);
  }
}
__global__ void barrier_against_shuffle(int* out) {
  if (threadIdx.x == 0)
    __syncthreads();
  else
    out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1, 1);
}
__global__ void two_masks(int* out) { out[threadIdx.x] = __shfl_xor_sync(threadIdx.x == 3 ? 0xfffffff7u | 8u : 0x0fffffffu, 1, 1); }
__global__ void warp_barriers(int* out) {
  int* const shared = shared_array<int>();
  shared[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncwarp();
  out[threadIdx.x] = shared[threadIdx.x ^ 1];
}

__global__ void copy_shared(float* out, int from) {
  float* const shared = shared_array<float>();
  if (from < 0) shared[0] = 1;
  out[blockIdx.x] = shared[from < 0 ? 0 : from];
}
__global__ void write_shared(int at) { raptr::cuda_backend::shared_memory[at] = 1; }
__global__ void order_of_blocks(int* counter, int* out) { out[blockIdx.x] = (*counter)++; }
__global__ void throwing(int*) { throw std::out_of_range("from a kernel"); }

template <class... Parameters> std::string fault_of(void (*kernel)(Parameters...), unsigned threads, std::uint64_t seed = 0, bool strict = true) {
  device gpu(emulator::order::eager, seed);
  emulator::options().strict = strict;
  int* const out = gpu.array(std::vector<int>(threads));
  try {
    gpu.launch(kernel, 1, threads, threads * sizeof(int), out);
  } catch (const emulator::fault& found) {
    return found.what();
  }
  return "";
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("every thread of every block runs once and knows its place") {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    device gpu(emulator::order::eager, seed);
    const std::size_t blocks = 2 * 3 * 5, threads = 4 * 3 * 7;
    int* const out = gpu.array(std::vector<int>(blocks * threads));
    REQUIRE(gpu.launch(number_threads, dim3(2, 3, 5), dim3(4, 3, 7), 0, out) == cudaSuccess);
    const std::vector<int> seen = gpu.values(out, blocks * threads);
    for (std::size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == static_cast<int>(i / threads * 1000 + i % threads));
  }
}

TEST_CASE("a block reduction gives the sum in every order") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) CHECK(wrong_sums<true>(seed) == 0);
}

TEST_CASE("a block reduction in a loop without its last barrier is wrong in some order") {
  if constexpr (emulator::sees_races) return;  // TSan would end the program; it has test cases of its own
  int orders = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) orders += wrong_sums<false>(seed) > 0;
  CHECK(orders >= 6);
}

TEST_CASE("blocks run in orders that differ by seed, each of them once") {
  std::set<std::vector<int>> orders;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    device gpu(emulator::order::eager, seed);
    if constexpr (emulator::sees_races) return;
    int *const counter = gpu.array(std::vector<int>(1)), *const out = gpu.array<int>(12);
    gpu.launch(order_of_blocks, 12, 1, 0, counter, out);
    const std::vector<int> order = gpu.values(out, 12);
    CHECK(std::set<int>(order.begin(), order.end()).size() == 12);
    orders.insert(order);
  }
  CHECK(orders.size() >= 4);
}

TEST_CASE("threads that exit before a __syncthreads are missed there, unless the test is not strict") {
  const std::string said = fault_of(barrier_for_some, 64);
  CHECK(has(said, "waits at a __syncthreads that thread"));
  CHECK(has(said, "it has exited"));
  CHECK(has(said, "emulator_test.cpp:"));
  CHECK(has(said, "block (0, 0, 0) of"));
  CHECK(has(said, "barrier_for_some"));
  CHECK(fault_of(barrier_for_some, 64, 0, false).empty());
}

TEST_CASE("threads at two different __syncthreads are a fault") {
  const std::string said = fault_of(two_barriers, 64);
  CHECK(has(said, "waits at another __syncthreads than thread (0, 0, 0) at "));
}

TEST_CASE("a warp operation that some lanes of its mask never reach is a fault in every order") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) CHECK(has(fault_of(shuffle_in_half_a_warp, 32, seed), "which has exited (mask 0xffffffff)"));
}

TEST_CASE("lanes at different warp operations, or with different masks, are a fault") {
  CHECK(has(fault_of(two_shuffles, 32), "which waits at another one at "));
  CHECK(has(fault_of(two_masks, 32), "its mask 0x"));
}

TEST_CASE("a warp operation against a __syncthreads is a fault and no deadlock") {
  CHECK(has(fault_of(barrier_against_shuffle, 32), "which waits at __syncthreads at "));
}

TEST_CASE("a lane whose mask lacks itself is a fault") {
  CHECK(has(fault_of(shuffle_without_oneself, 32), "is not in the mask of its own warp operation"));
}

TEST_CASE("reading a lane that takes no part is a fault, also one that does not exist") {
  CHECK(has(fault_of(shuffle_from_outside, 32), "takes no part in this shuffle (mask 0x0000ffff)"));
  CHECK(has(fault_of(shuffle_of_a_short_warp, 40), "takes no part in this shuffle (mask 0xffffffff)"));
}

TEST_CASE("halves of a warp may shuffle apart and then together") {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    device gpu(emulator::order::eager, seed);
    int* const out = gpu.array<int>(32);
    REQUIRE(gpu.launch(shuffle_of_half_a_warp, 1, 32, 0, out) == cudaSuccess);
    const std::vector<int> seen = gpu.values(out, 32);
    for (int lane = 0; lane < 32; ++lane) CHECK(seen[static_cast<std::size_t>(lane)] == ((31 - lane) ^ 15));
  }
}

TEST_CASE("__syncwarp orders the lanes of a warp") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    device gpu(emulator::order::eager, seed);
    int* const out = gpu.array<int>(40);
    REQUIRE(gpu.launch(warp_barriers, 1, 40, 40 * sizeof(int), out) == cudaSuccess);
    const std::vector<int> seen = gpu.values(out, 40);
    for (int i = 0; i < 40; ++i) CHECK(seen[static_cast<std::size_t>(i)] == (i ^ 1));
  }
}

TEST_CASE("shared memory is NaN at the start of each block") {
  device gpu;
  float* const out = gpu.array<float>(3);
  gpu.launch(copy_shared, 1, 1, 4, out, -1);
  CHECK(gpu.values(out, 1)[0] == 1);
  gpu.launch(copy_shared, 3, 1, 4, out, 0);
  for (const float each : gpu.values(out, 3)) CHECK(std::isnan(each));
}

TEST_CASE("the last byte of shared memory may be written, and the one behind it not") {
  for (const int bytes : {1, 7, 16, 1000, 48 * 1024}) {
    device gpu;
    CHECK(gpu.launch(write_shared, 1, 1, static_cast<std::size_t>(bytes), bytes - 1) == cudaSuccess);
    if constexpr (emulator::guards_shared_memory) continue;  // ASan ends the program there
    CHECK_THROWS_AS(gpu.launch(write_shared, 1, 1, static_cast<std::size_t>(bytes), bytes), emulator::fault);
  }
}

TEST_CASE("an exception of a kernel comes out of the launch, and the device works on") {
  device gpu;
  CHECK_THROWS_AS(gpu.launch(throwing, 4, 64, 0, nullptr), std::out_of_range);
  int* const out = gpu.array(std::vector<int>(64));
  CHECK(gpu.launch(number_threads, 1, 64, 0, out) == cudaSuccess);
  CHECK(gpu.values(out, 64)[63] == 63);
}

TEST_CASE("what belongs to kernels cannot be called outside of one") { CHECK_THROWS_AS(__syncthreads(), emulator::fault); }

TEST_CASE("launches are held to the limits of the hardware") {
  device gpu;
  int* const out = gpu.array(std::vector<int>(1024));
  const auto status = [&](dim3 grid, dim3 block, std::size_t shared_bytes) {
    const cudaError_t error = gpu.launch(number_threads, grid, block, shared_bytes, out);
    CHECK(cudaGetLastError() == error);
    CHECK(cudaGetLastError() == cudaSuccess);
    return error;
  };
  CHECK(status(1, 1024, 0) == cudaSuccess);
  CHECK(status(1, 1025, 0) == cudaErrorInvalidConfiguration);
  CHECK(status(1, dim3(33, 32), 0) == cudaErrorInvalidConfiguration);
  CHECK(status(1, dim3(1, 1, 65), 0) == cudaErrorInvalidConfiguration);
  CHECK(status(0, 32, 0) == cudaErrorInvalidConfiguration);
  CHECK(status(dim3(1, 65536), 32, 0) == cudaErrorInvalidConfiguration);
  CHECK(status(dim3(1, 1, 65536), 32, 0) == cudaErrorInvalidConfiguration);
  CHECK(status(1u << 31, 32, 0) == cudaErrorInvalidConfiguration);
  CHECK(status(1, 32, 48 * 1024) == cudaSuccess);
  CHECK(status(1, 32, 48 * 1024 + 1) == cudaErrorInvalidValue);
  CHECK(cudaFuncSetAttribute(number_threads, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024) == cudaSuccess);
  CHECK(status(1, 32, 227 * 1024) == cudaSuccess);
  CHECK(cudaFuncSetAttribute(number_threads, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024 + 1) == cudaErrorInvalidValue);
}

TEST_CASE("launches are counted by the names of their kernels") {
  device gpu;
  int* const out = gpu.array(std::vector<int>(32));
  for (int i = 0; i < 3; ++i) gpu.launch(number_threads, 1, 32, 0, out);
  CHECK(emulator::counts().launches == 3);
  CHECK(emulator::counts().launches_of("number_threads(int*)") == 3);
  CHECK(emulator::counts().launches_of("sum_rows") == 0);
  emulator::clear_counts();
  CHECK(emulator::counts().launches == 0);
}
