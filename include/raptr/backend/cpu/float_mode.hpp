// SPDX-License-Identifier: Apache-2.0
// The floating-point mode of a thread: how it rounds, and whether it takes subnormal numbers for zero. Threads inherit it when they are
// created, so a program that sets it later would train with two modes and with bits that depend on which thread ran which task. A team
// therefore runs every loop in the mode of its caller.
#pragma once

#include <cfenv>
#include <cstdint>

#include <raptr/base/config.hpp>

namespace raptr::cpu_backend {
inline namespace RAPTR_INSTRUCTIONS {

#if defined(__SSE__)
using float_mode = std::uint32_t;
inline float_mode current_float_mode() { return __builtin_ia32_stmxcsr() & ~0x3fu; }  // without the flags of past exceptions
inline void set_float_mode(float_mode mode) { __builtin_ia32_ldmxcsr(mode); }
#elif defined(__aarch64__)
using float_mode = std::uint64_t;
inline float_mode current_float_mode() {
  float_mode mode;
  asm volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
inline void set_float_mode(float_mode mode) { asm volatile("msr fpcr, %0" : : "r"(mode)); }
#else
using float_mode = int;  // rounding only: the standard library has no name for the rest
inline float_mode current_float_mode() { return std::fegetround(); }
inline void set_float_mode(float_mode mode) { std::fesetround(mode); }
#endif

/// Sets the mode of this thread, and restores the former one at its end.
class float_mode_scope {
 public:
  explicit float_mode_scope(float_mode mode) : former_(current_float_mode()) { set_float_mode(mode); }
  float_mode_scope(const float_mode_scope&) = delete;
  float_mode_scope& operator=(const float_mode_scope&) = delete;
  ~float_mode_scope() { set_float_mode(former_); }

 private:
  float_mode former_;
};

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::cpu_backend
