// SPDX-License-Identifier: Apache-2.0
// Owners of streams, events and pinned host memory.
#pragma once

#include <cstddef>
#include <utility>

#include <raptr/backend/cuda/status.cuh>

namespace raptr::cuda_backend {

class stream {
 public:
  stream() { check(cudaStreamCreateWithFlags(&handle_, cudaStreamNonBlocking), "the start of a stream"); }
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;
  ~stream() { cudaStreamSynchronize(handle_), cudaStreamDestroy(handle_); }
  operator cudaStream_t() const { return handle_; }

 private:
  cudaStream_t handle_ = nullptr;
};

/// A point in the order of a stream.
class event {
 public:
  event() { check(cudaEventCreateWithFlags(&handle_, cudaEventDisableTiming), "the making of an event"); }
  event(event&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  event& operator=(event&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~event() {
    if (handle_) cudaEventDestroy(handle_);
  }
  void record(cudaStream_t in) { check(cudaEventRecord(handle_, in), "an event"); }
  void hold(cudaStream_t in) const { check(cudaStreamWaitEvent(in, handle_, 0), "a wait between streams"); }
  void wait() const { check(cudaEventSynchronize(handle_), "a wait for the GPU"); }

 private:
  cudaEvent_t handle_ = nullptr;
};

/// Pinned host memory.
class pinned {
 public:
  explicit pinned(std::size_t bytes) : bytes_(bytes) {
    const cudaError_t status = cudaMallocHost(&data_, bytes);
    if (status == cudaErrorMemoryAllocation) (void)cudaGetLastError(), errors::no_pinned_memory(bytes);
    check(status, "the pinning of memory");
  }
  pinned(pinned&& other) noexcept : bytes_(other.bytes_), data_(std::exchange(other.data_, nullptr)) {}
  pinned& operator=(pinned&& other) noexcept {
    std::swap(bytes_, other.bytes_), std::swap(data_, other.data_);
    return *this;
  }
  ~pinned() {
    if (data_) cudaFreeHost(data_);
  }
  char* data() const { return static_cast<char*>(data_); }
  std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_;
  void* data_ = nullptr;
};

}  // namespace raptr::cuda_backend
