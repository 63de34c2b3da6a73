// SPDX-License-Identifier: Apache-2.0
// How long work is ended early: functions that may take seconds have a std::stop_token as their last argument (default: never
// stops), ask it between pieces of work, and throw `stopped`. What they would have returned does not exist then.
#pragma once

#include <stop_token>

#include <raptr/base/error.hpp>

namespace raptr {

/// A stop was requested. Only functions that were given a stop token throw it.
struct stopped : error {
  using error::error;
};

inline void throw_if_stopped(bool requested) {
  if (requested) fail<stopped>("stopped on request");
}
inline void throw_if_stopped(const std::stop_token& stop) { throw_if_stopped(stop.stop_requested()); }

}  // namespace raptr
