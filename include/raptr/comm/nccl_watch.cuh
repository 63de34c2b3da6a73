// SPDX-License-Identifier: Apache-2.0
// Finds that the ranks cannot go on: one is silent, has ended, or makes another call. A thread, because a collective that stalls stops the
// compute stream, and then the host, in whatever call of CUDA it is: the one that waits for the loss, or a launch when 1024 are pending.
// The thread calls nothing of CUDA. The stream writes into pinned memory which collective it begins and ends.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include <raptr/comm/nccl_call.hpp>
#include <raptr/comm/nccl_link.cuh>
#include <raptr/comm/nccl_rendezvous.hpp>

namespace raptr {

/// In pinned memory. Kernels write, the watch reads.
struct nccl_marks {
  std::uint64_t begun = 0, ended = 0;    // numbers of calls
  std::uint64_t differs = 0;             // the call for which another rank made another one; after the two below
  std::int64_t other = 0;                // that rank
  nccl_call_words call{}, other_call{};  // of this rank and that one
};

class nccl_watch {
  using clock = std::chrono::steady_clock;

 public:
  /// ended: which other rank has ended, if that can be known.
  nccl_watch(nccl_link& link, nccl_marks& marks, const comm_limits& limits, std::function<std::optional<ended_rank>()> ended)
      : link_(link), marks_(marks), limits_(limits), ended_(std::move(ended)), thread_([this](std::stop_token stop) { run(stop); }) {}

  /// Before the work of a call is enqueued.
  void expect(std::uint64_t number, const comm_operation& at) {
    const std::lock_guard lock(mutex_);
    expected_.push_back({number, at});
  }
  /// Throws comm_error if the ranks cannot go on. Sees what completed work has found, at once.
  void check() {
    try {
      check_calls();
    } catch (const error&) {
      link_.abort(std::current_exception());
    }
    link_.check();
  }

 private:
  struct expected_call {
    std::uint64_t number;
    comm_operation at;
  };
  /// Of the stream: the first call that has not ended, and whether it has begun.
  struct position {
    comm_operation at{"wait for the next collective"};
    bool begun = false;
  };
  static constexpr std::chrono::milliseconds interval{2}, files_interval{100};

  void run(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      const position now = look();
      lock.unlock();
      try {
        judge(now);
      } catch (...) {
        return link_.abort(std::current_exception());
      }
      lock.lock();
      (void)wakes_.wait_for(lock, stop, interval, [] { return false; });
    }
  }
  static std::uint64_t read(std::uint64_t& mark) { return std::atomic_ref(mark).load(std::memory_order_acquire); }

  position look() {
    const std::uint64_t ended = read(marks_.ended), begun = read(marks_.begun);
    while (!expected_.empty() && expected_.front().number <= ended) expected_.pop_front();
    position now;
    if (!expected_.empty()) now = {expected_.front().at, begun > ended};
    const std::uint64_t at = now.begun ? begun : 0;
    if (std::exchange(at_, at) != at) since_ = clock::now();
    return now;
  }
  void check_calls() {
    if (read(marks_.differs) > 0)
      errors::ranks_do_different_things(link_.rank(), text_of(std::bit_cast<nccl_call>(marks_.call)), static_cast<int>(marks_.other),
                                        text_of(std::bit_cast<nccl_call>(marks_.other_call)));
  }
  void judge(const position& now) {
    link_.check(now.at);
    check_calls();
    const auto time = clock::now();
    if (time >= next_file_) {
      next_file_ = time + files_interval;
      if (const auto gone = ended_()) errors::rank_has_ended(now.at, link_.rank(), gone->rank, gone->why);
    }
    if (now.begun && std::chrono::duration<double>(time - since_).count() > limits_.of(now.at))
      errors::some_rank_does_not_answer(now.at, link_.rank(), link_.ranks(), limits_.of(now.at));
  }

  nccl_link& link_;
  nccl_marks& marks_;
  comm_limits limits_;
  std::function<std::optional<ended_rank>()> ended_;
  std::mutex mutex_;
  std::condition_variable_any wakes_;
  std::deque<expected_call> expected_;
  std::uint64_t at_ = 0;
  clock::time_point since_, next_file_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace raptr
