// SPDX-License-Identifier: Apache-2.0
// On the emulator: which order its blocks, warps, lanes and streams run in. On a real device the order is its own.
// RAPTR_DEVICE_ORDERS, a number, asks for others than usual: tests/soak/device_orders.sh runs many.
#pragma once

#if __has_include(<emulator.hpp>)
#include <cstdlib>
#include <emulator.hpp>
#endif

namespace raptr::testing {

inline void set_device_order([[maybe_unused]] unsigned seed) {
#if __has_include(<emulator.hpp>)
  const char* const others = std::getenv("RAPTR_DEVICE_ORDERS");
  emulator::options().seed = seed + (others ? 1000 * std::strtoul(others, nullptr, 10) : 0);
  emulator::options().order = seed % 2 ? emulator::order::lazy : emulator::order::random;
#endif
}

}  // namespace raptr::testing
