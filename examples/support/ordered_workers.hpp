// SPDX-License-Identifier: Apache-2.0
// A pipeline of jobs: the caller fills them and takes them back in order, worker threads process them in between, so the output
// does not depend on the number of threads. Memory is bounded by two jobs per thread; submit() waits for a free one.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace program {

/// Usage: fill(filling()), submit(), repeatedly; then finish(). Exceptions of work() are rethrown by submit() or finish().
template <class Job> class ordered_workers {
 public:
  ///   work(job)  called in a worker thread
  ///   take(job)  called in the caller's thread, in the order of submit(); leaves the job empty
  ordered_workers(int threads, std::function<void(Job&)> work, std::function<void(Job&)> take)
      : work_(std::move(work)), take_(std::move(take)), slots_(2 * static_cast<std::size_t>(threads)) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this](const std::stop_token& stop) { serve(stop); });
  }

  Job& filling() { return slot(filled_).job; }
  void submit() {
    {
      const std::lock_guard lock(mutex_);
      slot(filled_).state = waiting;
      ++filled_;
    }
    changed_.notify_all();
    while (taken_ < filled_ && (filled_ - taken_ == slots_.size() || first_is_ready())) take_first();
  }
  void finish() {
    while (taken_ < filled_) take_first();
  }

 private:
  enum slot_state { free, waiting, ready };
  struct slot_type {
    Job job{};
    slot_state state = free;
    std::exception_ptr error{};
  };
  slot_type& slot(std::size_t number) { return slots_[number % slots_.size()]; }

  void serve(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [&] { return begun_ < filled_; })) {
      slot_type& mine = slot(begun_++);
      lock.unlock();
      std::exception_ptr error;
      try {
        work_(mine.job);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      mine.state = ready;
      mine.error = error;
      changed_.notify_all();
    }
  }
  bool first_is_ready() {
    const std::lock_guard lock(mutex_);
    return slot(taken_).state == ready;
  }
  void take_first() {
    slot_type& first = slot(taken_);
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return first.state == ready; });
      first.state = free;
    }
    ++taken_;
    if (first.error) std::rethrow_exception(first.error);
    take_(first.job);
  }

  std::function<void(Job&)> work_, take_;
  std::vector<slot_type> slots_;
  std::size_t filled_ = 0, begun_ = 0, taken_ = 0;  // numbers of jobs since the start
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<std::jthread> threads_;  // last member: joined before what they use is destroyed
};

}  // namespace program
