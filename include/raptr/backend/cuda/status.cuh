// SPDX-License-Identifier: Apache-2.0
// Checks every call of the toolkit, and makes a device the current one. A sticky error comes from an earlier kernel: the call that reports
// it is rarely the one that caused it, so the message says "during".
#pragma once

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#error \
    "raptr: the CUDA backend needs compute capability 8.0, and this is compiled for less (-arch=native without a GPU is sm_75): name the GPU, as in -arch=sm_80 (CMAKE_CUDA_ARCHITECTURES=80)"
#endif
#include <cuda_runtime.h>

#include <raptr/backend/cuda/error.hpp>

namespace raptr::cuda_backend {

/// The error of every call from now on in this process, because a kernel has failed; or success.
inline cudaError_t sticky_error() {
  (void)cudaGetLastError();
  std::size_t free = 0, total = 0;
  return cudaMemGetInfo(&free, &total);  // any call that does nothing
}
/// Throws training_error with the toolkit's own words, and whether the memory of the device is lost.
inline void check(cudaError_t status, const char* during) {
  if (status == cudaSuccess) return;
  if (const cudaError_t sticky = sticky_error(); sticky != cudaSuccess)
    errors::gpu_failed(during, cudaGetErrorName(sticky), cudaGetErrorString(sticky));
  errors::gpu_refused(during, cudaGetErrorName(status), cudaGetErrorString(status));
}

/// Makes a device the current one of the calling thread while it lives: launches, and handles of libraries, belong to the current device.
class device_scope {
 public:
  explicit device_scope(int device) : device_(device) {
    if (cudaGetDevice(&before_) != cudaSuccess) before_ = device;
    if (before_ != device) check(cudaSetDevice(device), "the choice of the GPU");
  }
  ~device_scope() {
    if (before_ != device_) cudaSetDevice(before_);
  }
  device_scope(const device_scope&) = delete;
  device_scope& operator=(const device_scope&) = delete;

 private:
  int device_, before_ = 0;
};

/// A device that is usable.
struct gpu {
  int number = 0;
  std::string name;
  int major = 0, minor = 0;
  std::size_t memory = 0, shared_bytes = 0;

  /// Makes it the device of the calling thread. Throws input_error, with the reason, if it is not usable.
  explicit gpu(int device) : number(device) {
    int count = 0, driver = 0, runtime = 0;  // versions of one major are compatible
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (cudaDriverGetVersion(&driver) == cudaSuccess && cudaRuntimeGetVersion(&runtime) == cudaSuccess && driver > 0 &&
        driver / 1000 < runtime / 1000)
      errors::driver_is_too_old(driver, runtime);
    if (status != cudaSuccess) errors::no_gpu(cudaGetErrorString(status));
    if (count == 0) errors::no_gpu("none was found");
    if (device < 0 || device >= count) errors::no_such_gpu(device, count);
    cudaDeviceProp is{};
    check(cudaSetDevice(device), "the choice of the GPU");
    check(cudaGetDeviceProperties(&is, device), "a question for its properties");
    name = is.name, major = is.major, minor = is.minor, memory = is.totalGlobalMem, shared_bytes = is.sharedMemPerBlockOptin;
    if (major < 8) errors::gpu_is_too_old(name, major, minor);
  }
};

}  // namespace raptr::cuda_backend
