// SPDX-License-Identifier: Apache-2.0
// MPI in this process: its start and end, its errors, and a limit for its calls that wait for other processes without one.
#pragma once

#include <mpi.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include <raptr/base/decimal.hpp>
#include <raptr/comm/error.hpp>

static_assert(MPI_VERSION >= 3, "raptr: raptr::mpi needs MPI 3.0 or newer, such as Open MPI 4 or 5 and MPICH 4 or 5");

namespace raptr {

namespace errors {

[[noreturn]] inline void mpi_call_fails(const comm_operation& at, int rank, std::string_view call, int code) {
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  fail<comm_error>(text_of(at) + ": rank " + std::to_string(rank) + " cannot go on, because " + std::string(call) + " fails: " + text);
}
/// A call that never waits by itself: libraries spin where another rank was stopped while it wrote into shared memory.
[[noreturn]] inline void mpi_does_not_return(const comm_operation& at, int rank, double seconds) {
  fail<comm_error>(text_of(at) + ": rank " + std::to_string(rank) + " cannot go on, because a call of MPI has not returned for " +
                   decimal_text(seconds) + " s");
}
[[noreturn]] inline void mpi_is_finalized() {
  fail<comm_error>("MPI has been finalised in this process, and it can be started only once: keep the communicator until the end of the program");
}
[[noreturn]] inline void ranks_do_not_start(const comm_operation& at, int rank, int ranks, double seconds) {
  fail<comm_error>(text_of(at) + ": rank " + std::to_string(rank) + " has waited " + decimal_text(seconds) + " s until all " + std::to_string(ranks) +
                   " ranks have a communicator, which they do not");
}

}  // namespace errors

/// Prints the sentence and ends this process with exit code 1, unless it is destroyed within the limit.
class exit_after {
 public:
  exit_after(double seconds, const std::string& sentence)
      : thread_([=, this](const std::stop_token& stop) {
          std::unique_lock lock(mutex_);
          if (in_time_.wait_for(lock, stop, std::chrono::duration<double>(seconds), [&] { return stop.stop_requested(); })) return;
          std::fprintf(stderr, "raptr: %s\n", sentence.c_str());
          std::_Exit(1);
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any in_time_;
  std::jthread thread_;  // the last member: it uses the others
};

/// Starts MPI unless the program has done so. Who starts it ends it.
class mpi_process {
 public:
  /// Throws comm_error if MPI was finalised. Ends the process where the others do not start within the limit.
  explicit mpi_process(double limit) {
    int is_there = 0, is_over = 0;
    MPI_Initialized(&is_there);
    MPI_Finalized(&is_over);
    if (is_over) errors::mpi_is_finalized();
    started_here_ = !is_there;
    if (started_here_) {
      const exit_after watch(limit,
                             "the start of MPI has waited " + decimal_text(limit) + " s for the other processes of the run, which do not start");
      MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &level_);
    } else {
      MPI_Query_thread(&level_);
    }
  }
  /// Whether a thread of the library may call MPI while the caller computes. A program that has started MPI may call it at the same time.
  bool serves_threads() const { return level_ >= (started_here_ ? MPI_THREAD_SERIALIZED : MPI_THREAD_MULTIPLE); }
  std::string level() const {
    return level_ == MPI_THREAD_SINGLE       ? "MPI_THREAD_SINGLE"
           : level_ == MPI_THREAD_FUNNELED   ? "MPI_THREAD_FUNNELED"
           : level_ == MPI_THREAD_SERIALIZED ? "MPI_THREAD_SERIALIZED"
                                             : "MPI_THREAD_MULTIPLE";
  }
  /// Not in a destructor: with messages under way or ranks gone it would wait for ever.
  void finalize() {
    if (started_here_) MPI_Finalize();
  }

 private:
  bool started_here_ = false;
  int level_ = MPI_THREAD_SINGLE;
};

}  // namespace raptr
