// SPDX-License-Identifier: Apache-2.0
// Ranks as processes, on MPI. A thread of its own carries out the sums while the rank computes, and is the only one that calls MPI then,
// so the level MPI_THREAD_SERIALIZED suffices. CMake component mpi.
#pragma once

#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <raptr/comm/communicator.hpp>
#include <raptr/comm/mpi_calls.hpp>

namespace raptr {

/// The processes of one mpirun, or of the communicator `of`; every one of them creates its object, and destroys it, as one call of all.
/// Sums are those of thread_rank, to the bit. Used by one thread. Starts MPI unless the program has done so, and ends what it has started.
///
/// After an error the rank calls end_all(). An object that an exception destroys leaves MPI as it is, and the launcher ends the other ranks
/// when this process ends. Where the program has started MPI with less than MPI_THREAD_MULTIPLE, sums make progress in finish() and gather()
/// alone, as note() says.
class mpi {
 public:
  explicit mpi(const comm_limits& limits = {}, MPI_Comm of = MPI_COMM_WORLD) : limits_(limits), process_(limits.slow), calls_(of, limits) {
    if (ranks() == 1) return;
    alive_ = this;
    std::atexit([] {  // MPICH's mpirun takes a rank that leaves with exit code 0 for the end of a good run
      if (mpi* const rank = alive_.exchange(nullptr)) rank->end_all("the program exits before its communicator is destroyed");
    });
    if (process_.serves_threads()) worker_ = std::thread([this] { work(); });
  }
  mpi(const mpi&) = delete;
  mpi& operator=(const mpi&) = delete;
  ~mpi() {
    alive_ = nullptr;
    if (std::uncaught_exceptions() > exceptions_) {
      const exit_after watch(patience(), at_rank() + "a call of MPI does not return");
      stop_worker();
      return;
    }
    try {
      finish_with_all();
    } catch (const std::exception& e) {
      end_all(e.what());
    }
    stop_worker();
    const exit_after watch(limits_.slow, at_rank() + "the end of MPI has waited " + decimal_text(limits_.slow) + " s for the other ranks");
    calls_.free();
    process_.finalize();
  }

  int rank() const { return calls_.rank(); }
  int ranks() const { return calls_.ranks(); }

  template <class Ops, class T> void sum(Ops&, std::span<T> data, const comm_operation& at) {
    enqueue_array<Ops>(data, share_bounds(std::ssize(data), ranks()), mpi_call::add_as<T>, true, sizeof(T) == 4 ? "floats" : "doubles", at);
  }
  template <class Ops, class T> void reduce_scatter(Ops&, std::span<T> data, std::span<const std::int64_t> bounds, const comm_operation& at) {
    enqueue_array<Ops>(data, {bounds.begin(), bounds.end()}, mpi_call::add_as<T>, false, sizeof(T) == 4 ? "floats to owners" : "doubles to owners",
                       at);
  }
  template <class Ops, class T> void all_gather(Ops&, std::span<T> data, std::span<const std::int64_t> bounds, const comm_operation& at) {
    enqueue_array<Ops>(data, {bounds.begin(), bounds.end()}, nullptr, true, sizeof(T) == 4 ? "floats of owners" : "doubles of owners", at);
  }
  template <class Ops> void finish(Ops&, const comm_operation& at) { wait(at); }
  void gather(std::span<const std::byte> mine, std::span<std::byte> all, const comm_operation& at) {
    const auto size = static_cast<std::int64_t>(mine.size());
    if (size > 0) std::memcpy(all.data() + rank() * size, mine.data(), mine.size());
    if (ranks() == 1) return;
    enqueue({at, {at, size, "bytes"}, share_bounds(ranks() * size, ranks()), all.data()});
    wait(at);
  }
  /// Prints "raptr: rank 1: why" and ends all processes of the run, this one too, with exit code 1.
  void end_all(std::string_view why) noexcept {
    alive_ = nullptr;  // MPI_Abort may call exit()
    const std::string_view prefix = "raptr: ";
    if (why.starts_with(prefix)) why.remove_prefix(prefix.size());
    std::fputs((std::string(prefix) + at_rank() + std::string(why) + "\n").c_str(), stderr);
    const exit_after watch(patience(), at_rank() + "MPI_Abort does not return");
    std::fflush(nullptr);
    stop_worker();
    calls_.abort();
    std::_Exit(1);
  }
  std::uint64_t bytes_sent() const { return calls_.bytes_sent(); }
  /// f is called whenever the oldest sum or gather that was not yet reported is carried out, by a thread of the communicator, and must not
  /// call it. An empty function ends that.
  void on_completion(std::function<void()> f) {
    const std::lock_guard lock(mutex_);
    on_completion_ = std::move(f);
  }
  /// What the user of the run should know of its MPI, or nothing.
  std::string note() const {
    if (process_.serves_threads()) return {};
    return "the program has started MPI with " + process_.level() +
           ", so sums are not carried out while a rank computes; start it with MPI_THREAD_MULTIPLE";
  }

 private:
  template <class Ops, class T> void enqueue_array(std::span<T> data, std::vector<std::int64_t> bounds, decltype(mpi_call::add) add, bool gives_back,
                                                   std::string_view type, const comm_operation& at) {
    static_assert(in_host_memory<Ops>,
                  "raptr: raptr::mpi adds up arrays in host memory, and this device has memory of its own: train on raptr::cpu or raptr::eigen");
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>);
    if (ranks() == 1) return;
    enqueue({at, {at, std::ssize(data), type}, std::move(bounds), reinterpret_cast<std::byte*>(data.data()), sizeof(T), add, gives_back});
  }
  void enqueue(const mpi_call& call) {
    const std::lock_guard lock(mutex_);
    if (problem_) std::rethrow_exception(problem_);
    fresh_.push_back(call), ++given_;
    changed_.notify_all();
  }
  void wait(const comm_operation& at) {
    std::unique_lock lock(mutex_);
    const std::chrono::duration<double> limit(limits_.of(at));
    const auto over = [this] { return problem_ || done_ == given_; };
    if (worker_.joinable()) {
      for (std::uint64_t seen = looks_; !changed_.wait_for(lock, limit, over); seen = looks_)
        if (looks_ == seen) errors::mpi_does_not_return(at, rank(), limit.count());
    } else {
      while (!over()) advance(lock);
    }
    if (problem_) std::rethrow_exception(problem_);
  }
  void work() {
    prctl(PR_SET_TIMERSLACK, 1);  // of this thread; else each of its short sleeps takes 50 microseconds longer
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stops_ || done_ < given_; });
      if (stops_ || problem_) return;
      advance(lock);
    }
  }
  /// The lock is released meanwhile.
  void advance(std::unique_lock<std::mutex>& lock) {
    ++looks_;
    for (const mpi_call& call : fresh_) calls_.push(call);
    fresh_.clear();
    lock.unlock();
    std::uint64_t completed = 0;
    std::exception_ptr problem;
    try {
      completed = calls_.advance();
      if (completed == 0) calls_.pause();
    } catch (...) {
      problem = std::current_exception();
    }
    lock.lock();
    done_ += completed, problem_ = problem;
    for (std::uint64_t k = 0; k < completed && on_completion_; ++k) on_completion_();
    if (completed > 0 || problem) changed_.notify_all();
  }
  /// A rank that does something else than to come to the end of its run is named.
  void finish_with_all() {
    if (ranks() == 1) return;
    const comm_operation end{.name = "end of the run", .may_be_slow = true};
    enqueue({end, {end, 0, "bytes"}, share_bounds(0, ranks())});
    wait(end);
  }
  /// Seconds for what takes a moment unless MPI is stuck.
  double patience() const { return std::min(10.0, 4 * limits_.usual); }
  std::string at_rank() const { return "rank " + std::to_string(rank()) + ": "; }
  void stop_worker() {
    {
      const std::lock_guard lock(mutex_);
      stops_ = true;
      changed_.notify_all();
    }
    if (worker_.joinable()) worker_.join();
  }

  static inline std::atomic<mpi*> alive_ = nullptr;
  const int exceptions_ = std::uncaught_exceptions();
  comm_limits limits_;
  mpi_process process_;
  mpi_calls calls_;  // of the thread that advances
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<mpi_call> fresh_;  // not yet in calls_
  std::uint64_t given_ = 0, done_ = 0, looks_ = 0;
  std::exception_ptr problem_;
  std::function<void()> on_completion_;
  bool stops_ = false;
  std::thread worker_;
};
static_assert(communicator<mpi>);

}  // namespace raptr
