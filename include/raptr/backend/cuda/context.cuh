// SPDX-License-Identifier: Apache-2.0
// What every operation on a GPU works with: one stream, so that the order of calls is the order of the work, and scratch
// that may be handed to the next operation at once, because it runs later.
#pragma once

#include <nvtx3/nvToolsExt.h>

#include <raptr/backend/cuda/transfers.cuh>

namespace raptr::cuda_backend {

/// A name for profilers, as long as it lives.
class named_span {
 public:
  explicit named_span(const char* name) { nvtxRangePushA(name); }
  named_span(const named_span&) = delete;
  named_span& operator=(const named_span&) = delete;
  ~named_span() { nvtxRangePop(); }
};

/// Device memory that grows to the largest size asked for and stays.
class scratch {
 public:
  explicit scratch(heap& memory) : memory_(memory) {}
  /// Room for n objects of T for one operation; what an earlier call gave is for operations before.
  template <class T> T* get(std::size_t n) {
    if (n * sizeof(T) > bytes_) {
      if (data_) memory_.release(std::exchange(data_, nullptr));
      bytes_ = 0;
      data_ = memory_.allocate(n * sizeof(T)), bytes_ = n * sizeof(T);
    }
    return static_cast<T*>(data_);
  }

 private:
  heap& memory_;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

class context {
 public:
  explicit context(int device) : device_(device) {}

  const gpu& device() const { return device_; }
  cudaStream_t order() const { return order_; }

  /// Starts a kernel of one-dimensional blocks. shared_bytes: of dynamic shared memory. Does nothing for an empty grid.
  template <class... P, class... A>
  void launch(const char* name, void (*kernel)(P...), dim3 grid, int threads, std::size_t shared_bytes, const A&... arguments) {
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
    if (shared_bytes > default_shared_bytes)
      check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize, int(shared_bytes)), name);
    cudaLaunchConfig_t how{};
    how.gridDim = grid, how.blockDim = dim3(unsigned(threads)), how.dynamicSmemBytes = shared_bytes, how.stream = order_;
    const cudaError_t status = cudaLaunchKernelEx(&how, kernel, P(arguments)...);
    if (status == cudaErrorNoKernelImageForDevice) errors::not_built_for_gpu(device_.name, device_.major, device_.minor);
    check(status, name);
  }
  template <class T> T* scratch(std::size_t n) { return scratch_.get<T>(n); }

 private:
  static constexpr std::size_t default_shared_bytes = 48 << 10;

  gpu device_;
  stream order_;

 public:
  heap memory{device_, order_};
  upload_ring uploads{memory, order_};
  downloads fetches{order_};

 private:
  cuda_backend::scratch scratch_{memory};
};

/// How many pieces of `size` it takes to cover `count`.
__host__ __device__ constexpr std::int64_t pieces(std::int64_t count, std::int64_t size) { return (count + size - 1) / size; }

}  // namespace raptr::cuda_backend
