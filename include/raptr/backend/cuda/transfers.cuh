// SPDX-License-Identifier: Apache-2.0
// Transfers between host and device. Uploads pass through a ring of pinned memory and a copy of it on the device: the copy over
// the bus runs on a second stream while the step computes, and the host continues at once.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include <raptr/backend/cuda/memory.cuh>

namespace raptr::cuda_backend {

/// From the host to the device, in the order of `to`. The ring has a few parts; a part is refilled once the device has
/// consumed it, so the host waits only if it is a whole ring ahead.
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
      arrived_.record(to_), arrived_.hold(bus_);  // the memory is allocated in the order of its stream
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

/// From the device to the host: into pinned memory at once, into the destination in wait(). What is larger than a part arrives before fetch()
/// returns, through two parts of pinned memory: a checkpoint needs no pinned copy of the weights.
class downloads {
 public:
  explicit downloads(cudaStream_t from) : from_(from) {}
  ~downloads() { cudaStreamSynchronize(from_); }  // pending copies write to memory that is freed next
  downloads(const downloads&) = delete;
  downloads& operator=(const downloads&) = delete;

  std::uint64_t fetch(void* host, const void* device, std::size_t bytes) {
    if (bytes == 0) return 0;
    if (bytes > part_bytes) return fetch_in_parts(static_cast<char*>(host), static_cast<const char*>(device), bytes), 0;
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
    if (at->memory.bytes() <= small_bytes) spare_.push_back(std::move(*at));
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
  static constexpr std::size_t small_bytes = std::size_t(1) << 16;  // buffers up to this size are kept for the next fetch
  static constexpr std::size_t part_bytes = std::size_t(8) << 20;

  pending slot_of(std::size_t bytes) {
    if (bytes > small_bytes || spare_.empty()) return {pinned(std::max(bytes, small_bytes)), event()};
    pending p = std::move(spare_.back());
    spare_.pop_back();
    return p;
  }

  /// One part is copied to its destination while the next one crosses the bus.
  void fetch_in_parts(char* host, const char* device, std::size_t bytes) {
    std::array<pending, 2> parts{slot_of(part_bytes), slot_of(part_bytes)};
    const auto begin = [&](std::size_t k) {
      pending& p = parts[k % 2];
      p.bytes = std::min(part_bytes, bytes - k * part_bytes);
      check(cudaMemcpyAsync(p.memory.data(), device + k * part_bytes, p.bytes, cudaMemcpyDeviceToHost, from_), "a copy from the GPU");
      p.done.record(from_);
    };
    begin(0);
    for (std::size_t k = 0; k * part_bytes < bytes; ++k) {
      if ((k + 1) * part_bytes < bytes) begin(k + 1);
      parts[k % 2].done.wait();
      std::memcpy(host + k * part_bytes, parts[k % 2].memory.data(), parts[k % 2].bytes);
    }
  }

  cudaStream_t from_;
  std::vector<pending> pending_, spare_;
  std::uint64_t last_ = 0;
};

}  // namespace raptr::cuda_backend
