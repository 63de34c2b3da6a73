// SPDX-License-Identifier: Apache-2.0
// SIGINT and SIGTERM as a stop token: a thread of their own waits for them, because hardly anything may be done in a
// handler. The first one asks for a stop, the second one ends the process at once. To be made before other threads, which
// inherit that the signals are blocked.
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
  /// The first one that came, or 0.
  int signal() const { return signal_; }

 private:
  sigset_t set_{}, before_{};
  std::atomic<bool> finished_ = false;
  std::atomic<int> signal_ = 0;
  std::stop_source source_;
  std::thread waiter_;
};

}  // namespace program
