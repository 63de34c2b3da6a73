// SPDX-License-Identifier: Apache-2.0
// Memory of the GPU and the ways in and out. It is given out and taken back in the order of the stream, so a buffer may be
// released while kernels still read it. What goes in passes through a ring of pinned memory and a copy of it on the device:
// the bus is then crossed on a stream of its own while the step computes, and the host may go on at once.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

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

/// A place in the order of a stream.
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

/// Memory of the host that the GPU can read and write by itself.
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

/// Allocations on one stream. What is still live is freed with it.
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
      (void)cudaGetLastError();  // not a sticky one: the device goes on
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
    (void)cudaFreeAsync(at->first, in_);  // fails after a sticky error only, and destructors release: the next call tells
    live_.erase(at);
  }
  std::size_t held() const { return held_; }

 private:
  const gpu& of_;
  cudaStream_t in_;
  std::unordered_map<void*, std::size_t> live_;
  std::size_t held_ = 0;
};

/// From the host to the device, in the order of `to`. The ring has a few parts; one is filled again only when the device has
/// taken what was in it, so the host waits if, and only if, it is a whole ring ahead.
class upload_ring {
 public:
  upload_ring(heap& memory, cudaStream_t to) : memory_(memory), to_(to) {}
  ~upload_ring() { cudaStreamSynchronize(bus_); }  // it reads the ring
  upload_ring(const upload_ring&) = delete;
  upload_ring& operator=(const upload_ring&) = delete;

  void put(void* device, const void* host, std::size_t bytes) {
    for (std::size_t done = 0; done < bytes;) {
      if (used_ == part_bytes || !host_) next_part();
      const std::size_t count = std::min(bytes - done, part_bytes - used_), at = part_ * part_bytes + used_;
      std::memcpy(host_->data() + at, static_cast<const char*>(host) + done, count);
      check(cudaMemcpyAsync(device_ + at, host_->data() + at, count, cudaMemcpyHostToDevice, bus_), "a copy to the GPU");
      arrived_.record(bus_), arrived_.hold(to_);
      check(cudaMemcpyAsync(static_cast<char*>(device) + done, device_ + at, count, cudaMemcpyDeviceToDevice, to_), "a copy on the GPU");
      used_ = std::min(part_bytes, (used_ + count + 255) / 256 * 256), done += count;
    }
  }

 private:
  static constexpr std::size_t parts = 4, part_bytes = std::size_t(1) << 20;

  void next_part() {
    if (!host_) {
      host_ = std::make_unique<pinned>(parts * part_bytes);
      device_ = static_cast<char*>(memory_.allocate(parts * part_bytes));
      arrived_.record(to_), arrived_.hold(bus_);  // the memory exists in the order of its stream
    } else {
      taken_[part_].record(to_), was_used_[part_] = true;
      part_ = (part_ + 1) % parts;
      if (was_used_[part_]) taken_[part_].wait();
    }
    used_ = 0;
  }

  heap& memory_;
  cudaStream_t to_;
  stream bus_;
  std::unique_ptr<pinned> host_;
  char* device_ = nullptr;
  event arrived_;
  std::array<event, parts> taken_;
  std::array<bool, parts> was_used_{};
  std::size_t part_ = 0, used_ = 0;
};

/// From the device to the host: a copy into pinned memory now, into the host's own when it is waited for.
class downloads {
 public:
  explicit downloads(cudaStream_t from) : from_(from) {}
  ~downloads() { cudaStreamSynchronize(from_); }  // it writes to what was never waited for
  downloads(const downloads&) = delete;
  downloads& operator=(const downloads&) = delete;

  std::uint64_t fetch(void* host, const void* device, std::size_t bytes) {
    if (bytes == 0) return 0;
    pending p = slot_of(bytes);
    p.number = ++last_, p.host = host, p.bytes = bytes;
    check(cudaMemcpyAsync(p.memory.data(), device, bytes, cudaMemcpyDeviceToHost, from_), "a copy from the GPU");
    p.done.record(from_);
    pending_.push_back(std::move(p));
    return last_;
  }
  void wait(std::uint64_t number) {
    const auto at = std::find_if(pending_.begin(), pending_.end(), [=](const pending& p) { return p.number == number; });
    if (at == pending_.end()) return;
    at->done.wait();
    std::memcpy(at->host, at->memory.data(), at->bytes);
    if (at->memory.bytes() <= small) spare_.push_back(std::move(*at));
    pending_.erase(at);
  }

 private:
  struct pending {
    pinned memory;
    event done;
    std::uint64_t number = 0;
    void* host = nullptr;
    std::size_t bytes = 0;
  };
  static constexpr std::size_t small = std::size_t(1) << 16;  // what is kept for the next fetch

  pending slot_of(std::size_t bytes) {
    if (bytes > small || spare_.empty()) return {pinned(std::max(bytes, small)), event()};
    pending p = std::move(spare_.back());
    spare_.pop_back();
    return p;
  }

  cudaStream_t from_;
  std::vector<pending> pending_, spare_;
  std::uint64_t last_ = 0;
};

}  // namespace raptr::cuda_backend
