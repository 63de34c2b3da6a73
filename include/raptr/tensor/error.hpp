// SPDX-License-Identifier: Apache-2.0
// What can go wrong with memory.
#pragma once

#include <cstddef>

#include <raptr/base/error.hpp>

namespace raptr::errors {

[[noreturn]] inline void arena_is_full(std::size_t needed, std::size_t bytes) {
  fail("the activation arena holds " + std::to_string(bytes) + " bytes where a step needs " + std::to_string(needed));
}

}  // namespace raptr::errors
