// SPDX-License-Identifier: Apache-2.0
// A team of threads that share the tasks of one loop at a time. The caller fixes the tasks, so which thread runs a task does
// not change a result. Surprise: the caller never waits for a thread that has not woken up; such a thread finds the loop
// closed and keeps sleeping, which keeps short loops cheap on a busy machine.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <thread>
#include <type_traits>
#include <vector>

#include <raptr/backend/cpu/error.hpp>
#include <raptr/backend/cpu/float_mode.hpp>
#include <raptr/backend/cpu/processors.hpp>

namespace raptr::cpu_backend {
inline namespace RAPTR_INSTRUCTIONS {

class thread_team {
 public:
  static constexpr int most = 1023;

  /// threads: the calling thread included; 0: available_threads().
  explicit thread_team(int threads) : size_(threads == 0 ? std::min(available_threads(), most) : threads) {
    if (size_ < 1 || size_ > most) errors::bad_thread_count(threads, most);
    try {
      for (int t = 1; t < size_; ++t) workers_.emplace_back([this, t] { serve(t); });
    } catch (...) {
      stop();
      throw;
    }
  }
  ~thread_team() { stop(); }
  thread_team(const thread_team&) = delete;
  thread_team& operator=(const thread_team&) = delete;

  int size() const { return size_; }

  /// f(index, thread) for index in 0 .. count - 1, in any order, on threads 0 .. size() - 1; returns when all are done
  /// and rethrows the first exception of f. Must not be called from within f. Each thread runs f in the floating-point mode
  /// of the caller, and has its own one again afterwards.
  template <class F> void parallel_for(std::int64_t count, F&& f) {
    if (count <= 1 || size_ == 1) {
      for (std::int64_t i = 0; i < count; ++i) f(i, 0);
      return;
    }
    count_ = count, next_.store(0, std::memory_order_relaxed), failure_ = nullptr, failed_.clear();
    mode_ = current_float_mode();
    context_ = &f;
    run_ = [](void* context, std::int64_t index, int thread) { (*static_cast<std::remove_reference_t<F>*>(context))(index, thread); };
    const std::uint32_t loop = (gate_.load(std::memory_order_relaxed) & ~(is_open | inside)) + one_loop;
    gate_.store(loop | is_open, std::memory_order_release);
    gate_.notify_all();
    work(0);
    std::uint32_t seen = gate_.fetch_and(~is_open, std::memory_order_acq_rel) & ~is_open;
    for (int spins = 0; seen & inside; seen = gate_.load(std::memory_order_acquire))
      if (++spins > patience)
        gate_.wait(seen, std::memory_order_acquire);
      else
        relax();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  // The gate in one word: number of the loop, whether workers may join it, how many are inside.
  static constexpr std::uint32_t inside = 1023, is_open = 1024, one_loop = 2048;
  static constexpr int patience = 2000;  // spins of about 20 ns before a thread sleeps

  static void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    std::this_thread::yield();
#endif
  }
  void work(int thread) {
    try {
      for (std::int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count_;) run_(context_, i, thread);
    } catch (...) {
      next_.store(count_, std::memory_order_relaxed);
      if (!failed_.test_and_set()) failure_ = std::current_exception();
    }
  }
  void work_in_mode(int thread) {
    const float_mode_scope mode(mode_);
    work(thread);
  }
  void serve(int thread) {
    std::uint32_t done = 0;  // the loop served last
    for (int spins = 0;;) {
      std::uint32_t now = gate_.load(std::memory_order_acquire);
      if (stopping_.load(std::memory_order_acquire)) return;  // read after the gate: stop() writes them in the other order
      const std::uint32_t loop = now & ~(is_open | inside);
      if ((now & is_open) && loop != done) {
        if (!gate_.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel)) continue;
        work_in_mode(thread);
        done = loop, spins = 0;
        if (const std::uint32_t left = gate_.fetch_sub(1, std::memory_order_acq_rel) - 1; !(left & (is_open | inside))) gate_.notify_all();
      } else if (++spins < patience) {
        relax();
      } else {
        gate_.wait(now, std::memory_order_acquire);
      }
    }
  }
  void stop() {
    stopping_.store(true, std::memory_order_release);
    gate_.fetch_add(one_loop, std::memory_order_acq_rel);
    gate_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  int size_;
  std::vector<std::thread> workers_;
  std::atomic<std::uint32_t> gate_{0};
  std::atomic<bool> stopping_{false};
  alignas(64) std::atomic<std::int64_t> next_{0};
  std::int64_t count_ = 0;
  float_mode mode_{};
  void* context_ = nullptr;
  void (*run_)(void*, std::int64_t, int) = nullptr;
  std::exception_ptr failure_;
  std::atomic_flag failed_;
};

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::cpu_backend
