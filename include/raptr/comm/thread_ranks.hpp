// SPDX-License-Identifier: Apache-2.0
// Ranks as threads of one process: for tests, and for a machine whose cores serve several small networks better than one. Each rank has a
// model of its own. A rank adds up its share of an array from the memory of all, and writes the sum into the memory of all.
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <raptr/base/share.hpp>
#include <raptr/comm/communicator.hpp>
#include <raptr/comm/error.hpp>
#include <raptr/comm/rank_order_sum.hpp>

namespace raptr {

/// What the ranks of a group share. It outlives its ranks.
class thread_group {
 public:
  /// An array that a rank gives to a call.
  struct array {
    void* data;
    std::int64_t size;
    std::string_view type;
  };

  /// Throws input_error without ranks.
  explicit thread_group(int ranks, const comm_limits& limits = {}) : limits_(limits) {
    if (ranks < 1) errors::rank_count_is_out_of_range(ranks);
    calls_.resize(static_cast<std::size_t>(ranks));
  }
  int ranks() const { return static_cast<int>(calls_.size()); }

  /// All ranks have come to this call, and each sees what the others gave, until leave(). Throws comm_error.
  void meet(int rank, const comm_operation& at, std::span<const array> arrays) {
    std::unique_lock lock(mutex_);
    call& mine = calls_[static_cast<std::size_t>(rank)];
    mine.at = at, mine.arrays.assign(arrays.begin(), arrays.end());
    await_all(rank, at, lock);
    for (int r = 0; r < ranks(); ++r)
      if (const call& other = calls_[static_cast<std::size_t>(r)]; other.count == mine.count && !same(other, mine))
        errors::ranks_do_different_things(rank, text_of(mine), r, text_of(other));
  }
  /// All ranks are done with what the others gave. Throws comm_error.
  void leave(int rank, const comm_operation& at) {
    std::unique_lock lock(mutex_);
    await_all(rank, at, lock);
  }
  /// What a rank gave to the call at which all have met.
  const array& given(int rank, std::size_t k) const { return calls_[static_cast<std::size_t>(rank)].arrays[k]; }
  void end_all(int rank, std::string_view why) noexcept {
    const std::lock_guard lock(mutex_);
    if (ended_ >= 0) return;
    ended_ = rank, why_ = why;
    arrival_.notify_all();
  }

 private:
  struct call {
    std::uint64_t count = 0;
    comm_operation at;
    std::vector<array> arrays;  // its own: others may look at them after an error has ended the call of the rank that gave them
  };
  void await_all(int rank, const comm_operation& at, std::unique_lock<std::mutex>& lock) {
    const std::uint64_t count = ++calls_[static_cast<std::size_t>(rank)].count;
    arrival_.notify_all();
    const auto here = [&](const call& other) { return other.count >= count; };
    const auto over = [&] { return ended_ >= 0 || std::ranges::all_of(calls_, here); };
    // A process that was stopped, by a shell or a batch system, has not waited meanwhile: however long a slice took, it counts as one.
    const double limit = limits_.of(at), slice = limit / 100;
    for (int k = 0; k < 100 && !over(); ++k) arrival_.wait_for(lock, std::chrono::duration<double>(slice), over);
    if (std::ranges::all_of(calls_, here)) return;
    if (ended_ >= 0) errors::rank_has_ended(at, rank, ended_, why_);
    std::vector<int> missing;
    for (int r = 0; r < ranks(); ++r)
      if (!here(calls_[static_cast<std::size_t>(r)])) missing.push_back(r);
    errors::ranks_do_not_answer(at, rank, missing, limit);
  }
  static bool same(const call& a, const call& b) {
    return a.at == b.at &&
           std::ranges::equal(a.arrays, b.arrays, [](const array& x, const array& y) { return x.size == y.size && x.type == y.type; });
  }
  static std::string text_of(const call& c) {
    std::string text = raptr::text_of(c.at) + " (";
    for (const array& a : c.arrays) text += (&a == c.arrays.data() ? "" : ", ") + std::to_string(a.size) + " " + std::string(a.type);
    return text + ")";
  }

  comm_limits limits_;
  std::mutex mutex_;
  std::condition_variable arrival_;
  std::vector<call> calls_;  // of every rank, its last one
  int ended_ = -1;
  std::string why_;
};

/// One rank of a group; used by one thread.
class thread_rank {
  using array = thread_group::array;

 public:
  thread_rank(thread_group& group, int rank) : group_(&group), rank_(rank) {}
  int rank() const { return rank_; }
  int ranks() const { return group_->ranks(); }

  template <class Ops, class T> void sum(Ops&, std::span<T> data, const comm_operation&) {
    enqueue(data, share_bounds(std::ssize(data), ranks()), true, true, sizeof(T) == 4 ? "floats" : "doubles");
  }
  template <class Ops, class T> void reduce_scatter(Ops&, std::span<T> data, std::span<const std::int64_t> bounds, const comm_operation&) {
    enqueue(data, {bounds.begin(), bounds.end()}, true, false, sizeof(T) == 4 ? "floats to owners" : "doubles to owners");
  }
  template <class Ops, class T> void all_gather(Ops&, std::span<T> data, std::span<const std::int64_t> bounds, const comm_operation&) {
    enqueue(data, {bounds.begin(), bounds.end()}, false, true, sizeof(T) == 4 ? "floats of owners" : "doubles of owners");
  }
  template <class Ops> void finish(Ops&, const comm_operation& at) {
    group_->meet(rank_, at, arrays_);
    for (std::size_t k = 0; k < work_.size(); ++k) work_[k](k);
    group_->leave(rank_, at);
    arrays_.clear(), work_.clear();
  }
  void gather(std::span<const std::byte> mine, std::span<std::byte> all, const comm_operation& at) {
    const array given[] = {{const_cast<std::byte*>(mine.data()), static_cast<std::int64_t>(mine.size()), "bytes"}};
    group_->meet(rank_, at, given);
    for (int r = 0; r < ranks(); ++r)
      std::copy_n(static_cast<const std::byte*>(group_->given(r, 0).data), mine.size(), all.data() + static_cast<std::size_t>(r) * mine.size());
    group_->leave(rank_, at);
    sent_ += mine.size() * static_cast<std::size_t>(ranks() - 1);
  }
  void end_all(std::string_view why) noexcept { group_->end_all(rank_, why); }
  std::uint64_t bytes_sent() const { return sent_; }

 private:
  template <class T> void enqueue(std::span<T> data, std::vector<std::int64_t> bounds, bool adds, bool sends, std::string_view type) {
    arrays_.push_back({data.data(), std::ssize(data), type});
    const auto own = static_cast<std::size_t>(rank_);
    work_.push_back([this, adds, sends, share = index_range{bounds[own], bounds[own + 1]}](std::size_t k) { do_share<T>(k, share, adds, sends); });
  }
  /// adds: up, from the memory of all ranks; sends: into the memory of all.
  template <class T> void do_share(std::size_t k, index_range share, bool adds, bool sends) {
    std::vector<T*> all;
    for (int r = 0; r < ranks(); ++r) all.push_back(static_cast<T*>(group_->given(r, k).data) + share.first);
    T* const mine = all[static_cast<std::size_t>(rank_)];
    if (adds) sum_in_rank_order<T>(std::vector<const T*>(all.begin(), all.end()), mine, share.size());
    for (T* const to : all)
      if (sends && to != mine) std::copy_n(mine, share.size(), to);
    const std::int64_t size = group_->given(rank_, k).size;
    sent_ += sizeof(T) * static_cast<std::uint64_t>((adds ? size - share.size() : 0) + (sends ? (ranks() - 1) * share.size() : 0));
  }

  thread_group* group_;
  int rank_;
  std::vector<array> arrays_;
  std::vector<std::function<void(std::size_t)>> work_;  // on each of them
  std::uint64_t sent_ = 0;
};
static_assert(communicator<thread_rank>);

/// Calls f(thread_rank&) for every rank, each on a thread, and waits for all. A rank that throws ends the others; the first error is
/// thrown again.
template <class F> void run_ranks(int ranks, F f, const comm_limits& limits = {}) {
  thread_group group(ranks, limits);
  std::mutex mutex;
  std::exception_ptr first;
  const auto run = [&](int rank) {
    thread_rank comm(group, rank);
    try {
      f(comm);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!first) first = std::current_exception();
      try {
        throw;
      } catch (const std::exception& e) {
        comm.end_all(e.what());
      } catch (...) {
        comm.end_all("an exception of another type");
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int rank = 0; rank < ranks; ++rank) threads.emplace_back(run, rank);
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace raptr
