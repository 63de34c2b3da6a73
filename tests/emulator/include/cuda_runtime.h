// SPDX-License-Identifier: Apache-2.0
// The part of the CUDA runtime that raptr's CUDA backend uses, for a machine without a GPU. A file of the toolkit's name, so that
// the backend's own headers compile unchanged with g++. What is not here does not compile, on purpose; nvcc never sees this file.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#ifdef __CUDACC__
#error "emulator: this cuda_runtime.h is for g++ and clang++; under nvcc the toolkit's own must be found first"
#endif

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
// A section is allowed on `extern __shared__ T name[]` and refused on a local variable: shared memory is dynamic only.
#define __shared__ __attribute__((section(".bss.raptr_shared_memory")))

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned width = 1, unsigned height = 1, unsigned depth = 1) : x(width), y(height), z(depth) {}
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInitializationError = 3,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInvalidMemcpyDirection = 21,
  cudaErrorInsufficientDriver = 35,
  cudaErrorInvalidDeviceFunction = 98,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorNoKernelImageForDevice = 209,
  cudaErrorECCUncorrectable = 214,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorNotReady = 600,
  cudaErrorIllegalAddress = 700,
  cudaErrorLaunchOutOfResources = 701,
  cudaErrorLaunchTimeout = 702,
  cudaErrorAssert = 710,
  cudaErrorHardwareStackError = 714,
  cudaErrorIllegalInstruction = 715,
  cudaErrorMisalignedAddress = 716,
  cudaErrorInvalidAddressSpace = 717,
  cudaErrorInvalidPc = 718,
  cudaErrorLaunchFailure = 719,
  cudaErrorNotSupported = 801,
  cudaErrorUnknown = 999
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
inline constexpr unsigned cudaStreamNonBlocking = 1;
inline constexpr unsigned cudaEventDisableTiming = 2;

using cudaStream_t = struct CUstream_st*;
using cudaEvent_t = struct CUevent_st*;

struct cudaDeviceProp {
  char name[256];
  std::size_t totalGlobalMem;
  int major, minor;
  int multiProcessorCount;
  std::size_t sharedMemPerBlockOptin;
};

struct cudaLaunchAttribute;  // never complete: no attribute is emulated
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes;
  cudaStream_t stream;
  cudaLaunchAttribute* attrs;
  unsigned numAttrs;
};

const char* cudaGetErrorName(cudaError_t error);
const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaPeekAtLastError();

cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaDeviceGetPCIBusId(char* text, int size, int device);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total);
cudaError_t cudaMallocAsync(void** pointer, std::size_t bytes, cudaStream_t stream);
cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream);
cudaError_t cudaMallocHost(void** pointer, std::size_t bytes);
cudaError_t cudaFreeHost(void* pointer);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* pointer, int value, std::size_t bytes, cudaStream_t stream);

template <class T> cudaError_t cudaMallocAsync(T** pointer, std::size_t bytes, cudaStream_t stream) {
  return cudaMallocAsync(static_cast<void**>(static_cast<void*>(pointer)), bytes, stream);
}
template <class T> cudaError_t cudaMallocHost(T** pointer, std::size_t bytes) {
  return cudaMallocHost(static_cast<void**>(static_cast<void*>(pointer)), bytes);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags = 0);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaEventDestroy(cudaEvent_t event);

namespace emulator::inside {
extern uint3 thread_index, block_index;
extern dim3 block_size, grid_size;

/// `thread` is the kernel with its arguments; it is called once for every CUDA thread.
cudaError_t launch(const cudaLaunchConfig_t* config, const void* kernel, std::function<void()> thread);

void barrier(const char* file, int line);
void warp_barrier(unsigned mask, const char* file, int line);
std::uint64_t shuffle(unsigned mask, std::uint64_t value, int source_lane, const char* file, int line);
int lane();

template <class T>
concept shuffled = std::is_same_v<T, int> || std::is_same_v<T, unsigned> || std::is_same_v<T, long> || std::is_same_v<T, unsigned long> ||
    std::is_same_v<T, long long> || std::is_same_v<T, unsigned long long> || std::is_same_v<T, float> || std::is_same_v<T, double>;

template <shuffled T> T shuffle_as(unsigned mask, T value, int source_lane, const char* file, int line) {
  std::uint64_t bits = 0;
  __builtin_memcpy(&bits, &value, sizeof value);
  bits = shuffle(mask, bits, source_lane, file, line);
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}
}  // namespace emulator::inside

// Read-only for kernels, as on the device; the emulator sets what they refer to before it lets a thread run.
inline const uint3& threadIdx = emulator::inside::thread_index;
inline const uint3& blockIdx = emulator::inside::block_index;
inline const dim3& blockDim = emulator::inside::block_size;
inline const dim3& gridDim = emulator::inside::grid_size;

// The place of the call is the default argument. std::source_location would say it too, but clang++ 14 has none.
inline void __syncthreads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { emulator::inside::barrier(file, line); }
inline void __syncwarp(unsigned mask = 0xffffffffu, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  emulator::inside::warp_barrier(mask, file, line);
}
/// Everything is in order here already; on the device it orders what the host sees.
inline void __threadfence_system() {}
/// Of the groups of `width` lanes that a shuffle may be split into, only the whole warp is emulated: there is no such argument.
template <emulator::inside::shuffled T>
T __shfl_sync(unsigned mask, T value, int source_lane, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return emulator::inside::shuffle_as(mask, value, source_lane & 31, file, line);
}
template <emulator::inside::shuffled T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return emulator::inside::shuffle_as(mask, value, (emulator::inside::lane() ^ lane_mask) & 31, file, line);
}

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...), Arguments&&... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments), "emulator: as many arguments as the kernel has parameters");
  static_assert((std::is_trivially_copyable_v<Parameters> && ...),
                "emulator: kernel parameters are copied byte by byte: trivially copyable types only");
  static_assert((!std::is_reference_v<Parameters> && ...), "emulator: a kernel cannot take a reference to host memory");
  static_assert((sizeof(Parameters) + ... + 0) <= 4096, "emulator: kernel parameters are limited to 4096 bytes");
  return emulator::inside::launch(
      config, reinterpret_cast<const void*>(kernel),
      [kernel, copies = std::tuple<Parameters...>(std::forward<Arguments>(arguments)...)] { std::apply(kernel, copies); });
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value);
template <class... Parameters> cudaError_t cudaFuncSetAttribute(void (*kernel)(Parameters...), cudaFuncAttribute attribute, int value) {
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), attribute, value);
}
