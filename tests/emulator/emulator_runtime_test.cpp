// SPDX-License-Identifier: Apache-2.0
// The emulator's memory, streams, events and errors: every mistake in the use of a runtime that works later than it is called gives
// wrong numbers or an error here.
#include <doctest/doctest.h>
#include <nvtx3/nvToolsExt.h>

#include <cmath>
#include <cstring>
#include <string>
#include <thread>

#include "emulator_support.hpp"

using namespace emulator_tests;
using emulator::order;

namespace {

__global__ void add(float* to, const float* from, float amount, int n) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < static_cast<unsigned>(n)) to[i] = from[i] + amount;
}
__global__ void failing(float*) { __shfl_sync(0xffffffffu, 1, 40 + 0 * static_cast<int>(threadIdx.x)), __syncthreads(); }

struct stream_and_event {
  stream_and_event() {
    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  }
  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
};

cudaError_t add_in(cudaStream_t stream, float* to, const float* from, float amount, int n) {
  const cudaLaunchConfig_t config{dim3(static_cast<unsigned>(n + 63) / 64), 64, 0, stream, nullptr, 0};
  return cudaLaunchKernelEx(&config, add, to, from, amount, n);
}
float* pinned(std::size_t n) {
  float* made = nullptr;
  cudaMallocHost(&made, n * sizeof(float));
  return made;
}

}  // namespace

TEST_CASE("memory is NaN at first, counted, limited and freed once") {
  device gpu;
  emulator::options().memory = 1000;
  float* const a = gpu.array<float>(100);
  for (const float each : gpu.values(a, 100)) CHECK(std::isnan(each));
  std::size_t free = 0, total = 0;
  CHECK(cudaMemGetInfo(&free, &total) == cudaSuccess);
  CHECK(free == 600);
  CHECK(total == 1000);
  void* b = nullptr;
  CHECK(cudaMallocAsync(&b, 601, gpu.stream) == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation);
  CHECK(cudaMallocAsync(&b, 600, gpu.stream) == cudaSuccess);
  CHECK(emulator::alive().bytes == 1000);
  CHECK(emulator::alive().blocks == 2);
  CHECK(cudaFreeAsync(a, gpu.stream) == cudaSuccess);
  CHECK(cudaFreeAsync(a, gpu.stream) == cudaErrorInvalidValue);
  CHECK(cudaFreeAsync(static_cast<char*>(b) + 1, gpu.stream) == cudaErrorInvalidValue);
  CHECK(cudaFreeAsync(b, gpu.stream) == cudaSuccess);
  CHECK(emulator::alive().bytes == 0);
  CHECK(emulator::peak_bytes() == 1000);
}

TEST_CASE("memory is free for the next allocation as soon as its release is asked for, in every order") {
  for (const order each : {order::eager, order::lazy, order::random}) {
    device gpu(each);
    emulator::options().memory = 1000;
    void* pointer = nullptr;
    for (int i = 0; i < 5; ++i) {
      CHECK(cudaMallocAsync(&pointer, 1000, gpu.stream) == cudaSuccess);
      CHECK(cudaFreeAsync(pointer, gpu.stream) == cudaSuccess);
    }
  }
}

TEST_CASE("a copy whose pointers are not where its kind says is refused") {
  device gpu;
  char* const d = gpu.array<char>(64);
  char h[64] = {};
  char* const p = reinterpret_cast<char*>(pinned(16));
  const auto copy = [&](void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    return cudaMemcpyAsync(to, from, bytes, kind, gpu.stream);
  };
  CHECK(copy(d, h, 64, cudaMemcpyHostToDevice) == cudaSuccess);
  CHECK(copy(d, p, 64, cudaMemcpyHostToDevice) == cudaSuccess);
  CHECK(copy(d + 1, h, 64, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(copy(d, p + 1, 64, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(copy(h, h, 1, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(copy(d, d, 1, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(copy(h, h, 1, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
  CHECK(copy(d, h, 1, cudaMemcpyDeviceToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemsetAsync(d, 0, 65, gpu.stream) == cudaErrorInvalidValue);
  CHECK(cudaMemsetAsync(h, 0, 1, gpu.stream) == cudaErrorInvalidValue);
  cudaFreeAsync(d, gpu.stream);
  CHECK(copy(h, d, 1, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
}

TEST_CASE("a chain of copies, kernels and frees gives the same in every order of the queues") {
  for (int i = 0; i < 20; ++i) {
    device gpu(i == 0 ? order::eager : i == 1 ? order::lazy : order::random, static_cast<std::uint64_t>(i));
    float *const a = gpu.array(std::vector<float>(100, 1.0f)), *const b = gpu.array<float>(100);
    CHECK(add_in(gpu.stream, b, a, 2, 100) == cudaSuccess);
    CHECK(cudaFreeAsync(a, gpu.stream) == cudaSuccess);
    CHECK(add_in(gpu.stream, b, b, 3, 100) == cudaSuccess);
    float* const back = pinned(100);
    CHECK(cudaMemcpyAsync(back, b, 400, cudaMemcpyDeviceToHost, gpu.stream) == cudaSuccess);
    CHECK(cudaStreamSynchronize(gpu.stream) == cudaSuccess);
    for (int k = 0; k < 100; ++k) CHECK(back[k] == 6);
  }
}

TEST_CASE("lazy work waits for a synchronisation, and a pageable copy to the host is one") {
  device gpu(order::lazy);
  float *const a = gpu.array(std::vector<float>(1, 1.0f)), *const back = pinned(1);
  add_in(gpu.stream, a, a, 1, 1);
  cudaMemcpyAsync(back, a, 4, cudaMemcpyDeviceToHost, gpu.stream);
  CHECK(emulator::pending() == 4);
  CHECK(emulator::counts().synchronisations == 0);
  if constexpr (!emulator::sees_races) CHECK(std::isnan(*back));
  CHECK(gpu.values(a, 1)[0] == 2);
  CHECK(emulator::counts().synchronisations == 1);
  CHECK(*back == 2);
  CHECK(emulator::pending() == 0);
}

TEST_CASE("pageable memory is staged at the call, pinned memory is read later") {
  if constexpr (emulator::sees_races) return;
  device gpu(order::lazy);
  float *const a = gpu.array<float>(1), *const b = gpu.array<float>(1), *const staging = pinned(1);
  float pageable = 1;
  *staging = 1;
  cudaMemcpyAsync(a, &pageable, 4, cudaMemcpyHostToDevice, gpu.stream);
  cudaMemcpyAsync(b, staging, 4, cudaMemcpyHostToDevice, gpu.stream);
  pageable = *staging = 2;
  CHECK(gpu.values(a, 1)[0] == 1);
  CHECK(gpu.values(b, 1)[0] == 2);
}

TEST_CASE("a stream does not wait for another one without an event, and does with it") {
  for (const bool waits : {false, true}) {
    if (emulator::sees_races && !waits) continue;
    device gpu(order::lazy);
    const stream_and_event second;
    float* const a = gpu.array(std::vector<float>(1, 1.0f));
    add_in(gpu.stream, a, a, 1, 1);
    cudaEventRecord(second.event, gpu.stream);
    if (waits) cudaStreamWaitEvent(second.stream, second.event);
    float* const back = pinned(1);
    cudaMemcpyAsync(back, a, 4, cudaMemcpyDeviceToHost, second.stream);
    cudaStreamSynchronize(second.stream);
    CHECK((*back == 2) == waits);
  }
}

TEST_CASE("an event stands for the work before its last record") {
  device gpu(order::lazy);
  const stream_and_event second;
  float* const a = gpu.array(std::vector<float>(1, 1.0f));
  CHECK(cudaEventQuery(second.event) == cudaSuccess);  // never recorded
  CHECK(cudaEventSynchronize(second.event) == cudaSuccess);
  add_in(gpu.stream, a, a, 1, 1);
  cudaEventRecord(second.event, gpu.stream);
  add_in(gpu.stream, a, a, 1, 1);
  CHECK(cudaEventSynchronize(second.event) == cudaSuccess);
  CHECK(emulator::pending() == 1);
  cudaEventRecord(second.event, gpu.stream);
  CHECK(cudaEventQuery(second.event) == cudaErrorNotReady);
  CHECK(cudaGetLastError() == cudaErrorNotReady);
  while (cudaEventQuery(second.event) == cudaErrorNotReady) continue;
  CHECK(emulator::pending() == 0);
}

TEST_CASE("memory used in another stream before its allocation happened is NaN again") {
  if constexpr (emulator::sees_races) return;
  device gpu(order::lazy);
  const stream_and_event second;
  float *const a = gpu.array<float>(1), *const back = pinned(1), one = 1;
  cudaMemcpyAsync(a, &one, 4, cudaMemcpyHostToDevice, second.stream);
  cudaStreamSynchronize(second.stream);
  cudaMemcpyAsync(back, a, 4, cudaMemcpyDeviceToHost, gpu.stream);
  cudaStreamSynchronize(gpu.stream);
  CHECK(std::isnan(*back));
}

TEST_CASE("memory freed too early is a fault when the copy is performed") {
  device gpu(order::lazy);
  const stream_and_event second;
  float *const a = gpu.array<float>(1), *const back = pinned(1);
  cudaMemcpyAsync(back, a, 4, cudaMemcpyDeviceToHost, gpu.stream);
  cudaFreeHost(back);
  CHECK_THROWS_AS(cudaStreamSynchronize(gpu.stream), emulator::fault);

  if constexpr (emulator::sees_races) return;
  cudaMemsetAsync(a, 0, 4, gpu.stream);
  cudaFreeAsync(a, second.stream);
  cudaStreamSynchronize(second.stream);
  CHECK_THROWS_AS(cudaStreamSynchronize(gpu.stream), emulator::fault);
}

TEST_CASE("a fault comes out of the call that performs the work; the rest is dropped, nothing is lost") {
  for (const order each : {order::lazy, order::random}) {
    device gpu(each, 3);
    const stream_and_event second;
    float* const a = gpu.array<float>(4);
    const auto work = [&] {
      gpu.launch(failing, 1, 40, 0, a);
      cudaEventRecord(second.event, gpu.stream);
      cudaFreeAsync(a, gpu.stream);
      cudaStreamSynchronize(gpu.stream);
    };
    CHECK_THROWS_AS(work(), emulator::fault);
    CHECK(cudaEventSynchronize(second.event) == cudaSuccess);
    cudaFreeAsync(a, gpu.stream);
    CHECK(emulator::alive().bytes == 0);
    CHECK(cudaStreamSynchronize(gpu.stream) == cudaSuccess);
  }
}

TEST_CASE("a destroyed stream still does its work") {
  device gpu(order::lazy);
  const stream_and_event second;
  float *const a = gpu.array(std::vector<float>(1, 1.0f)), *const back = pinned(1);
  cudaStreamSynchronize(gpu.stream);
  cudaMemcpyAsync(back, a, 4, cudaMemcpyDeviceToHost, second.stream);
  cudaEventRecord(second.event, second.stream);
  CHECK(cudaStreamDestroy(second.stream) == cudaSuccess);
  CHECK(cudaStreamDestroy(second.stream) == cudaErrorInvalidResourceHandle);
  CHECK(cudaStreamSynchronize(second.stream) == cudaErrorInvalidResourceHandle);
  CHECK(emulator::alive().streams == 1);
  CHECK(cudaEventSynchronize(second.event) == cudaSuccess);
  CHECK(*back == 1);
}

TEST_CASE("the n-th call fails on demand; some errors stick") {
  device gpu;
  int count = 0;
  emulator::fail_after(2, cudaErrorInvalidValue);
  CHECK(cudaGetDevice(&count) == cudaSuccess);
  CHECK(cudaGetDevice(&count) == cudaErrorInvalidValue);
  CHECK(cudaGetDevice(&count) == cudaSuccess);
  CHECK(cudaPeekAtLastError() == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaSuccess);

  emulator::fail_after(1, cudaErrorIllegalAddress);
  CHECK(cudaStreamSynchronize(gpu.stream) == cudaErrorIllegalAddress);
  CHECK(cudaStreamSynchronize(gpu.stream) == cudaErrorIllegalAddress);
  CHECK(cudaGetLastError() == cudaErrorIllegalAddress);
  CHECK(cudaGetLastError() == cudaErrorIllegalAddress);
  CHECK(std::string(cudaGetErrorName(cudaErrorIllegalAddress)) == "cudaErrorIllegalAddress");
  CHECK(std::string(cudaGetErrorString(cudaErrorIllegalAddress)) == "an illegal memory access was encountered");
}

TEST_CASE("there may be no device, an old driver or an old device") {
  device gpu;
  int count = 7, version = 0;
  emulator::options().devices = 0;
  CHECK(cudaGetDeviceCount(&count) == cudaErrorNoDevice);
  CHECK(count == 0);
  emulator::options().devices = 2;
  CHECK(cudaGetDeviceCount(&count) == cudaSuccess);
  CHECK(count == 2);
  CHECK(cudaSetDevice(2) == cudaErrorInvalidDevice);
  CHECK(cudaSetDevice(1) == cudaSuccess);

  emulator::options().driver = 12040;
  CHECK(cudaGetDeviceCount(&count) == cudaErrorInsufficientDriver);
  CHECK(cudaDriverGetVersion(&version) == cudaSuccess);
  CHECK(version == 12040);
  CHECK(cudaRuntimeGetVersion(&version) == cudaSuccess);
  CHECK(version == 13000);
  emulator::options().driver = 13010;

  emulator::options().device.major = 7;
  emulator::options().device.minor = 5;
  std::strcpy(emulator::options().device.name, "an old one");
  cudaDeviceProp properties{};
  CHECK(cudaGetDeviceProperties(&properties, 0) == cudaSuccess);
  CHECK(properties.major == 7);
  CHECK(std::string(properties.name) == "an old one");
  CHECK(properties.totalGlobalMem == emulator::options().memory);
  float* const a = gpu.array<float>(1);
  CHECK(cudaSetDevice(0) == cudaSuccess);  // that of the stream
  CHECK(add_in(gpu.stream, a, a, 1, 1) == cudaErrorNoKernelImageForDevice);
}

TEST_CASE("streams, events and the limits of shared memory belong to their device, and each thread has a current one") {
  device gpu;
  emulator::options().devices = 2;
  float* const a = gpu.array<float>(1);
  REQUIRE(cudaSetDevice(1) == cudaSuccess);
  CHECK(add_in(gpu.stream, a, a, 1, 1) == cudaErrorInvalidResourceHandle);
  cudaEvent_t there = nullptr;
  REQUIRE(cudaEventCreateWithFlags(&there, cudaEventDisableTiming) == cudaSuccess);
  CHECK(cudaEventRecord(there, gpu.stream) == cudaErrorInvalidResourceHandle);
  std::thread([&] { CHECK(add_in(gpu.stream, a, a, 1, 1) == cudaSuccess); }).join();  // a new thread begins with device 0
  REQUIRE(cudaSetDevice(0) == cudaSuccess);
  CHECK(add_in(gpu.stream, a, a, 1, 1) == cudaSuccess);
}

TEST_CASE("copies are counted by kind, and nothing that is not destroyed is forgotten") {
  device gpu(order::random);
  float *const a = gpu.array(std::vector<float>(10)), *const b = gpu.array<float>(10), *const p = pinned(3);
  cudaMemcpyAsync(b, a, 8, cudaMemcpyDeviceToDevice, gpu.stream);
  cudaMemsetAsync(b, 0, 4, gpu.stream);
  gpu.values(a, 5);
  const emulator::counters& seen = emulator::counts();
  CHECK(seen.to_device.calls == 1);
  CHECK(seen.to_device.bytes == 40);
  CHECK(seen.on_device.bytes == 8);
  CHECK(seen.to_host.bytes == 20);
  CHECK(seen.memsets.bytes == 4);
  CHECK(seen.allocations.calls == 2);
  CHECK(emulator::alive().pinned_bytes == 12);
  cudaFreeHost(p);
  CHECK(cudaFreeHost(p) == cudaErrorInvalidValue);
  CHECK(emulator::alive().pinned_blocks == 0);
  const stream_and_event second;
  CHECK(emulator::alive().streams == 2);
  CHECK(emulator::alive().events == 1);
  cudaEventDestroy(second.event);
  CHECK(emulator::alive().events == 0);
  CHECK(cudaEventRecord(second.event, gpu.stream) == cudaErrorInvalidResourceHandle);
}

TEST_CASE("ranges are counted by depth") {
  device gpu;
  CHECK(nvtxRangePushA("outer") == 0);
  CHECK(nvtxRangePushA("inner") == 1);
  CHECK(emulator::nvtx_depth() == 2);
  CHECK(nvtxRangePop() == 1);
  CHECK(nvtxRangePop() == 0);
  CHECK(nvtxRangePop() < 0);
}
