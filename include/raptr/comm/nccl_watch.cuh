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
  static constexpr std::chrono::milliseconds interval{2}, files_interval{100};

  void run(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      const std::optional<comm_operation> at = look();
      lock.unlock();
      try {
        judge(at);
      } catch (...) {
        return link_.abort(std::current_exception());
      }
      lock.lock();
      (void)wakes_.wait_for(lock, stop, interval, [] { return false; });
    }
  }
  static std::uint64_t read(std::uint64_t& mark) { return std::atomic_ref(mark).load(std::memory_order_acquire); }

  /// The call at which the stream is, if it is at one.
  std::optional<comm_operation> look() {
    const std::uint64_t ended = read(marks_.ended), begun = read(marks_.begun);
    while (!expected_.empty() && expected_.front().number <= ended) expected_.pop_front();
    if (begun <= ended || expected_.empty()) return at_ = 0, std::nullopt;
    if (std::exchange(at_, ended + 1) != ended + 1) since_ = clock::now();
    return expected_.front().at;
  }
  void check_calls() {
    if (read(marks_.differs) > 0)
      errors::ranks_do_different_things(link_.rank(), text_of(std::bit_cast<nccl_call>(marks_.call)), static_cast<int>(marks_.other),
                                        text_of(std::bit_cast<nccl_call>(marks_.other_call)));
  }
  void judge(const std::optional<comm_operation>& at) {
    static constexpr comm_operation between{"wait for the next collective"};
    link_.check(at.value_or(between));
    check_calls();
    const auto now = clock::now();
    if (now >= next_file_) {
      next_file_ = now + files_interval;
      if (const auto gone = ended_()) errors::rank_has_ended(at.value_or(between), link_.rank(), gone->rank, gone->why);
    }
    if (at && std::chrono::duration<double>(now - since_).count() > limits_.of(*at))
      errors::some_rank_does_not_answer(*at, link_.rank(), link_.ranks(), limits_.of(*at));
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
