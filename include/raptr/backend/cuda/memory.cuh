// SPDX-License-Identifier: Apache-2.0
// Memory of the GPU, allocated and freed in the order of the stream, so a buffer may be released while kernels still read it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <unordered_map>

#include <raptr/backend/cuda/stream.cuh>

namespace raptr::cuda_backend {

/// Allocations on one stream. The destructor frees those that are left.
class heap {
 public:
  heap(const gpu& of, cudaStream_t in) : of_(of), in_(in) {}
  heap(const heap&) = delete;
  heap& operator=(const heap&) = delete;
  ~heap() {
    for (const auto& [p, bytes] : live_) cudaFreeAsync(p, in_);
  }

  void* allocate(std::size_t bytes) {
    void* fresh = nullptr;
    bytes = std::max(bytes, std::size_t(1));
    const cudaError_t status = cudaMallocAsync(&fresh, bytes, in_);
    if (status == cudaErrorMemoryAllocation) {
      (void)cudaGetLastError();  // not sticky: the device stays usable
      std::size_t free = 0, total = of_.memory;
      (void)cudaMemGetInfo(&free, &total);
      errors::gpu_is_out_of_memory(bytes, held_, free, total);
    }
    check(status, "an allocation");
    live_.emplace(fresh, bytes), held_ += bytes;
    return fresh;
  }
  void release(const void* p) {
    if (!p) return;
    const auto at = live_.find(const_cast<void*>(p));
    if (at == live_.end()) errors::not_allocated_on_gpu();
    held_ -= at->second;
    (void)cudaFreeAsync(at->first, in_);  // fails after a sticky error only; destructors call this, so the next call reports it
    live_.erase(at);
  }
  std::size_t held() const { return held_; }

 private:
  const gpu& of_;
  cudaStream_t in_;
  std::unordered_map<void*, std::size_t> live_;
  std::size_t held_ = 0;
};

}  // namespace raptr::cuda_backend
