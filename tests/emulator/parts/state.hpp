// SPDX-License-Identifier: Apache-2.0
// The emulated device as a whole: options, counters, errors that stick, and what every runtime call does first.
#pragma once
#include <cstdarg>
#include <cstdio>
#include <emulator.hpp>
#include <string>

#include "sanitizers.hpp"

namespace emulator::inside {

/// splitmix64: small, fast, and the same everywhere.
class coin {
 public:
  explicit coin(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t n) { return bits() % n; }
  bool toss() { return (bits() >> 40) & 1; }

 private:
  std::uint64_t state_;
};

struct error_state {
  cudaError_t last = cudaSuccess, sticky = cudaSuccess;
  std::size_t calls = 0, fail_in = 0;
  cudaError_t fail_with = cudaSuccess;
};

inline settings current_options;
inline counters current_counts;
inline error_state errors;
inline thread_local int current_device = 0;
inline int ranges_open = 0;

constexpr bool sticks(cudaError_t error) {
  return (error >= cudaErrorIllegalAddress && error <= cudaErrorLaunchFailure && error != cudaErrorLaunchOutOfResources) ||
         error == cudaErrorECCUncorrectable;
}

inline cudaError_t record(cudaError_t error) {
  if (error != cudaSuccess) errors.last = error;
  if (sticks(error)) errors.sticky = error;
  return error;
}

/// What stands before every call: an error that sticks, one ordered by fail_after(), a driver or device that is missing.
inline cudaError_t before_call(bool needs_device) {
  ++errors.calls;
  if (errors.sticky != cudaSuccess) return errors.sticky;
  if (errors.fail_in > 0 && --errors.fail_in == 0) return errors.fail_with;
  if (!needs_device) return cudaSuccess;
  if (current_options.driver / 1000 < current_options.runtime / 1000) return cudaErrorInsufficientDriver;
  return current_options.devices == 0 ? cudaErrorNoDevice : cudaSuccess;
}

template <class Body> cudaError_t call(Body body, bool needs_device = true) {
  const host_unseen host;
  const cudaError_t error = before_call(needs_device);
  return record(error == cudaSuccess ? body() : error);
}

[[gnu::format(printf, 1, 2)]] inline std::string text(const char* format, ...) {
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  return line;
}

}  // namespace emulator::inside
