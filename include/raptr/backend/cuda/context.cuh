// SPDX-License-Identifier: Apache-2.0
// The state that all operations on a GPU share: one stream, so that work runs in the order of the calls, and scratch, which the
// next operation can reuse at once because it runs later.
#pragma once

#include <nvtx3/nvToolsExt.h>

#include <cstddef>
#include <unordered_set>
#include <utility>

#include <raptr/backend/cuda/transfers.cuh>

namespace raptr::cuda_backend {

/// An operation while it lives: its device is the current one, and profilers see a range with its name (NVTX).
class operation_scope {
 public:
  operation_scope(const gpu& of, const char* name) : here_(of.number) { nvtxRangePushA(name); }
  ~operation_scope() { nvtxRangePop(); }
  operation_scope(const operation_scope&) = delete;
  operation_scope& operator=(const operation_scope&) = delete;

 private:
  device_scope here_;
};

/// Device memory that grows to the largest size requested and stays.
class scratch {
 public:
  explicit scratch(heap& memory) : memory_(memory) {}
  /// Space for n objects of T for one operation; only earlier operations may use the result of the previous call.
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
    if (shared_bytes > default_shared_bytes) allow_shared(reinterpret_cast<const void*>(kernel), name);
    cudaLaunchConfig_t how{};
    how.gridDim = grid, how.blockDim = dim3(unsigned(threads)), how.dynamicSmemBytes = shared_bytes, how.stream = order_;
    const cudaError_t status = cudaLaunchKernelEx(&how, kernel, P(arguments)...);
    if (status == cudaErrorNoKernelImageForDevice) errors::not_built_for_gpu(device_.name, device_.major, device_.minor);
    check(status, name);
  }
  template <class T> T* scratch(std::size_t n) { return scratch_.get<T>(n); }

 private:
  static constexpr std::size_t default_shared_bytes = 48 << 10;

  /// The limit belongs to kernel and device, not to this context: everyone sets it to all that the device has, so none lowers another's.
  void allow_shared(const void* kernel, const char* name) {
    if (!has_all_shared_.insert(kernel).second) return;
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(device_.shared_bytes)), name);
  }

  gpu device_;
  std::unordered_set<const void*> has_all_shared_;  // kernels
  stream order_;

 public:
  heap memory{device_, order_};
  upload_ring uploads{memory, order_};
  downloads fetches{order_};

 private:
  cuda_backend::scratch scratch_{memory};
};

}  // namespace raptr::cuda_backend
