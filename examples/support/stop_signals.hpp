// SPDX-License-Identifier: Apache-2.0
// SIGINT, SIGTERM and SIGHUP, that of a terminal that was closed, as a stop token; under nohup SIGHUP stays ignored. A dedicated thread waits for them, because few functions may be called in a signal
// handler. The first signal requests a stop, the second one ends the process at once. Construct it before other threads, which
// inherit the blocked signals.
#pragma once

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <stop_token>
#include <thread>

namespace program {

class stop_signals {
 public:
  stop_signals() {
    ::sigemptyset(&set_);
    ::sigaddset(&set_, SIGINT);
    ::sigaddset(&set_, SIGTERM);
    struct sigaction hang_up {};  // one that is ignored would be waited for once it is blocked
    if (::sigaction(SIGHUP, nullptr, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN) ::sigaddset(&set_, SIGHUP);
    ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
    waiter_ = std::thread([this] {
      for (int got = 0; ::sigwait(&set_, &got) == 0 && !finished_;) {
        if (signal_) ::_exit(128 + got);
        signal_ = got;
        source_.request_stop();
      }
    });
  }
  stop_signals(const stop_signals&) = delete;
  stop_signals& operator=(const stop_signals&) = delete;
  ~stop_signals() {
    finished_ = true;
    ::pthread_kill(waiter_.native_handle(), SIGTERM);
    waiter_.join();
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  std::stop_token token() const { return source_.get_token(); }
  /// The first signal received, or 0.
  int signal() const { return signal_; }

 private:
  sigset_t set_{}, before_{};
  std::atomic<bool> finished_ = false;
  std::atomic<int> signal_ = 0;
  std::stop_source source_;
  std::thread waiter_;
};

}  // namespace program
