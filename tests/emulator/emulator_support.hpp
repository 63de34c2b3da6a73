// SPDX-License-Identifier: Apache-2.0
// What the emulator's own tests share: a new device for each test case, a stream, arrays, and a launch in one line.
#pragma once
#include <emulator.hpp>
#include <vector>

namespace raptr::cuda_backend {
extern __shared__ __align__(16) unsigned char shared_memory[];
}

namespace emulator_tests {

/// A new device, and one again behind it, whatever the test did to it.
class device {
 public:
  explicit device(emulator::order order = emulator::order::eager, std::uint64_t seed = 0) {
    emulator::reset();
    emulator::options().order = order;
    emulator::options().seed = seed;
    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  }
  device(const device&) = delete;
  device& operator=(const device&) = delete;
  ~device() { emulator::reset(); }

  template <class T> T* array(std::size_t n) {
    T* made = nullptr;
    cudaMallocAsync(&made, n * sizeof(T), stream);
    return made;
  }
  template <class T> T* array(const std::vector<T>& values) {
    T* const made = array<T>(values.size());
    cudaMemcpyAsync(made, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice, stream);
    return made;
  }
  template <class T> std::vector<T> values(const T* pointer, std::size_t n) {
    std::vector<T> read(n);
    cudaMemcpyAsync(read.data(), pointer, n * sizeof(T), cudaMemcpyDeviceToHost, stream);
    return read;
  }
  template <class... Parameters, class... Arguments>
  cudaError_t launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes, Arguments... arguments) {
    const cudaLaunchConfig_t config{grid, block, shared_bytes, stream, nullptr, 0};
    return cudaLaunchKernelEx(&config, kernel, arguments...);
  }

  cudaStream_t stream = nullptr;
};

template <class T> __device__ T* shared_array() { return reinterpret_cast<T*>(raptr::cuda_backend::shared_memory); }

}  // namespace emulator_tests
