// SPDX-License-Identifier: Apache-2.0
// Emulated devices of its own for a test.
#pragma once

#include <emulator.hpp>

namespace raptr::testing {

struct fresh_device {
  explicit fresh_device(int devices = 1) {
    emulator::reset();
    emulator::options().devices = devices;
  }
  fresh_device(const fresh_device&) = delete;
  fresh_device& operator=(const fresh_device&) = delete;
  ~fresh_device() { emulator::reset(); }
};

}  // namespace raptr::testing
