// SPDX-License-Identifier: Apache-2.0
// The errors of device memory.
#pragma once

#include <cstddef>

#include <raptr/base/error.hpp>

namespace raptr::errors {

[[noreturn]] inline void arena_is_full(std::size_t needed, std::size_t bytes) {
  fail("the activation arena has " + std::to_string(bytes) + " bytes, but a step needs " + std::to_string(needed));
}

}  // namespace raptr::errors
