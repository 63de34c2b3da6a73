// SPDX-License-Identifier: Apache-2.0
// The handle of NCCL, non-blocking: no call of it waits for another rank, so that a rank that is alone can always abort. Whoever finds
// that the ranks cannot go on, in whatever thread, calls abort(); every later call throws that error again.
#pragma once

#include <nccl.h>

#include <chrono>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include <raptr/comm/nccl_error.hpp>

#if NCCL_VERSION_CODE < 21800
#error "raptr: the communicator over NCCL needs NCCL 2.18 or newer, and this nccl.h is older"
#endif

namespace raptr {

/// The version of the library. Throws input_error if it does not do for the header.
inline int usable_nccl_version() {
  int library = 0;
  (void)ncclGetVersion(&library);
  if (library / 100 < NCCL_VERSION_CODE / 100 || library / 10000 != NCCL_MAJOR) errors::nccl_is_older_than_header(library, NCCL_VERSION_CODE);
  return library;
}

/// Keeps the first failure of several calls.
inline void keep_failure(ncclResult_t& first, ncclResult_t next) {
  if (first == ncclSuccess || first == ncclInProgress) first = next;
}

class nccl_link {
  using clock = std::chrono::steady_clock;

 public:
  /// Returns when all ranks are connected. Throws comm_error.
  nccl_link(int rank, int ranks, const ncclUniqueId& id, const comm_operation& at, const comm_limits& limits)
      : rank_(rank), ranks_(ranks), limits_(limits) {
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    finish_call(ncclCommInitRankConfig(&handle_, ranks, id, rank, &config), at);
  }
  nccl_link(const nccl_link&) = delete;
  nccl_link& operator=(const nccl_link&) = delete;
  ~nccl_link() { abort(nullptr); }

  int rank() const { return rank_; }
  int ranks() const { return ranks_; }

  /// f(ncclComm_t) enqueues, as one group, and returns its status. The work is on its stream on return: NCCL may have done that in a thread
  /// of its own. Waits for the other ranks only where NCCL connects them at their first such call. Throws comm_error.
  template <class F> void enqueue(const comm_operation& at, F f) {
    std::unique_lock lock(mutex_);
    throw_failure();
    const ncclResult_t status = f(handle_);
    lock.unlock();
    finish_call(status, at);
  }
  /// Throws comm_error if NCCL has found an error, or abort() was called.
  void check(const comm_operation& at) {
    const ncclResult_t status = state();
    if (status != ncclSuccess && status != ncclInProgress) fail(status, at);
  }
  /// Throws comm_error if abort() was called.
  void check() {
    const std::lock_guard lock(mutex_);
    throw_failure();
  }
  /// All work that is enqueued ends now, unfinished. The first failure is the one that is thrown.
  void abort(std::exception_ptr failure) noexcept {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = failure;
    if (handle_) (void)ncclCommAbort(std::exchange(handle_, nullptr));
  }
  /// The orderly end, when nothing is enqueued. Aborts if that does not come within the limit.
  void close() noexcept {
    try {
      if (!is_open()) return;
      enqueue({"end of the ranks"}, [](ncclComm_t handle) { return ncclCommFinalize(handle); });
      const std::lock_guard lock(mutex_);
      if (handle_) (void)ncclCommDestroy(std::exchange(handle_, nullptr));
    } catch (const error&) {
      abort(std::current_exception());
    }
  }

 private:
  void throw_failure() const {
    if (failure_) std::rethrow_exception(failure_);
  }
  bool is_open() {
    const std::lock_guard lock(mutex_);
    return handle_ != nullptr;
  }
  ncclResult_t state() {
    const std::lock_guard lock(mutex_);
    throw_failure();
    if (!handle_) return ncclSuccess;  // closed
    ncclResult_t of_work = ncclSuccess;
    const ncclResult_t of_question = ncclCommGetAsyncError(handle_, &of_work);
    return of_question == ncclSuccess ? of_work : of_question;
  }
  void finish_call(ncclResult_t status, const comm_operation& at) {
    const auto begin = clock::now();
    for (auto pause = std::chrono::microseconds(1); status == ncclInProgress; status = state()) {
      if (std::chrono::duration<double>(clock::now() - begin).count() > limits_.of(at)) give_up(at);
      std::this_thread::sleep_for(pause);
      pause = std::min(2 * pause, std::chrono::microseconds(1000));
    }
    if (status != ncclSuccess) fail(status, at);
  }
  // Both abort first: the work of this rank must end before its buffers do.
  [[noreturn]] void give_up(const comm_operation& at) {
    abort_with([&] { errors::some_rank_does_not_answer(at, rank_, ranks_, limits_.of(at)); });
  }
  [[noreturn]] void fail(ncclResult_t status, const comm_operation& at) {
    abort_with([&] {
      const char* const detail = ncclGetLastError(nullptr);
      errors::nccl_failed(at, rank_, ncclGetErrorString(status), detail ? detail : "");
    });
  }
  template <class F> [[noreturn]] void abort_with(F throwing) {
    try {
      throwing();
    } catch (...) {
      abort(std::current_exception());
    }
    std::rethrow_exception(failure_);
  }

  int rank_, ranks_;
  comm_limits limits_;
  std::mutex mutex_;
  ncclComm_t handle_ = nullptr;
  std::exception_ptr failure_;
};

}  // namespace raptr
