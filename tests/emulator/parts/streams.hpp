// SPDX-License-Identifier: Apache-2.0
// Streams and events: work waits in the queue of its stream until somebody must have it, or the coin says so. A forgotten wait then
// gives wrong numbers here, as it does on some days on a real device.
#pragma once
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "memory.hpp"
#include "sanitizers.hpp"

struct CUstream_st {
  struct operation {
    std::function<void()> work;
    bool housekeeping;              // cannot fail, and is done even after a fault: frees, events
    std::function<bool()> ready{};  // empty: always; else whether what other ranks must do for it is done
    std::unique_ptr<char> asked_for = std::make_unique<char>();
  };
  std::deque<operation> queue;
  emulator::inside::stream_thread thread;
  int device = 0;
  bool destroyed = false;
};

namespace emulator::inside {

/// One cudaEventRecord: later ones of the same event are records of their own.
struct event_record {
  CUstream_st* stream;
  bool done = false;
};

}  // namespace emulator::inside

struct CUevent_st {
  int device = 0;
  std::shared_ptr<emulator::inside::event_record> last;
};

namespace emulator::inside {

// A destroyed stream keeps its work, as the real one does, so streams are only forgotten by reset().
inline std::vector<std::unique_ptr<CUstream_st>> all_streams;
inline std::vector<std::unique_ptr<CUevent_st>> all_events;
inline std::uint64_t queue_draws = 0;

inline bool known(cudaStream_t stream) {
  for (const auto& each : all_streams) {
    if (each.get() == stream) return !each->destroyed;
  }
  return false;
}
inline bool known(cudaEvent_t event) {
  for (const auto& each : all_events) {
    if (each.get() == event) return true;
  }
  return false;
}

/// After a fault nothing that was queued makes sense any more, but memory and events must not be lost.
inline void drop_work() {
  for (const auto& stream : all_streams) {
    while (!stream->queue.empty()) {
      const CUstream_st::operation next = std::move(stream->queue.front());
      stream->queue.pop_front();
      stream->thread.acquire(next.asked_for.get());
      if (next.housekeeping) next.work();
    }
  }
}

inline bool is_ready(CUstream_st& stream) { return !stream.queue.front().ready || stream.queue.front().ready(); }

/// The host waits here, like a stream, for what other ranks must do.
inline void await_next(CUstream_st& stream) {
  const auto begin = std::chrono::steady_clock::now();
  while (!is_ready(stream)) {
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() > current_options.patience)
      throw fault(text("the host has waited %g s for work that waits for other ranks: it would hang", current_options.patience));
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}
inline void perform_next(CUstream_st& stream) {
  await_next(stream);
  const CUstream_st::operation next = std::move(stream.queue.front());
  stream.queue.pop_front();
  stream.thread.acquire(next.asked_for.get());
  try {
    next.work();
  } catch (...) {
    drop_work();
    throw;
  }
}
inline void perform_all(CUstream_st& stream) {
  while (!stream.queue.empty()) perform_next(stream);
}
inline void perform_until(const event_record& record) {
  while (!record.done && !record.stream->queue.empty()) perform_next(*record.stream);
}
/// As far as that needs no other rank. Returns whether the record is done.
inline bool perform_ready_until(const event_record& record) {
  while (!record.done && !record.stream->queue.empty()) {
    if (!is_ready(*record.stream)) return false;
    perform_next(*record.stream);
  }
  return true;
}
inline void perform_ready(CUstream_st& stream) {
  while (!stream.queue.empty() && is_ready(stream)) perform_next(stream);
}
inline void perform_everything() {
  for (std::size_t i = 0; i < all_streams.size(); ++i) perform_all(*all_streams[i]);
}

/// A few operations of any streams, as a busy device would have done by now.
inline void perform_some() {
  coin draw(current_options.seed ^ (0xd1342543de82ef95u * ++queue_draws));
  while (draw.toss()) {
    std::vector<CUstream_st*> busy;
    for (const auto& stream : all_streams) {
      if (!stream->queue.empty()) busy.push_back(stream.get());
    }
    if (busy.empty()) return;
    CUstream_st& drawn = *busy[draw.below(busy.size())];
    if (is_ready(drawn)) perform_next(drawn);
  }
}

inline void push(CUstream_st& stream, std::function<void()> work, bool housekeeping, std::function<bool()> ready = {}) {
  stream.queue.push_back({std::move(work), housekeeping, std::move(ready)});
  tsan_release(stream.queue.back().asked_for.get());
}
inline void enqueue(CUstream_st& stream, std::function<void()> work, std::function<bool()> ready = {}) {
  push(stream, std::move(work), false, std::move(ready));
  if (current_options.order == order::eager) perform_ready(stream);
  if (current_options.order == order::random) perform_some();
}
/// Runs nothing of others, because it is called from destructors, where a kernel's fault could not be thrown.
inline void enqueue_housekeeping(CUstream_st& stream, std::function<void()> work) {
  push(stream, std::move(work), true);
  if (current_options.order == order::eager) perform_ready(stream);
}

}  // namespace emulator::inside
