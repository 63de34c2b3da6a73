// SPDX-License-Identifier: Apache-2.0
// On the emulator: which order its blocks, warps, lanes and streams run in. On a real device the order is its own.
#pragma once

#if __has_include(<emulator.hpp>)
#include <emulator.hpp>
#endif

namespace raptr::testing {

inline void set_device_order([[maybe_unused]] unsigned seed) {
#if __has_include(<emulator.hpp>)
  emulator::options().seed = seed;
  emulator::options().order = seed % 2 ? emulator::order::lazy : emulator::order::random;
#endif
}

}  // namespace raptr::testing
