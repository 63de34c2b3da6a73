// SPDX-License-Identifier: Apache-2.0
// The headers of the user's Eigen: what raptr cannot use is refused here, with a sentence. Surprise: a linker keeps one copy of a function
// of Eigen for all files of a program, whatever they were compiled for, and Eigen's names do not tell the copies apart.
#pragma once

#if defined(__AVX512F__) && !defined(__FMA__) && !defined(__CUDACC__) && !defined(EIGEN_DONT_VECTORIZE)
#error "raptr: Eigen needs -mfma beside -mavx512f"
#endif
#include <Eigen/Core>
#include <string>
#include <string_view>

#include <raptr/base/error.hpp>

// From 5.0 on the version is MAJOR.MINOR.PATCH; before, it was WORLD.MAJOR.MINOR.
#if EIGEN_MAJOR_VERSION >= 5
#define RAPTR_EIGEN_VERSION EIGEN_MAKESTRING(EIGEN_MAJOR_VERSION) "." EIGEN_MAKESTRING(EIGEN_MINOR_VERSION) "." EIGEN_MAKESTRING(EIGEN_PATCH_VERSION)
#else
#define RAPTR_EIGEN_VERSION EIGEN_MAKESTRING(EIGEN_WORLD_VERSION) "." EIGEN_MAKESTRING(EIGEN_MAJOR_VERSION) "." EIGEN_MAKESTRING(EIGEN_MINOR_VERSION)
#endif
static_assert(EIGEN_MAJOR_VERSION >= 4, "raptr: Eigen 3.4 or newer is needed, and this is Eigen " RAPTR_EIGEN_VERSION);

namespace raptr {

namespace errors {
[[noreturn]] inline void eigen_is_compiled_twice(std::string_view here, std::string_view linked) {
  fail("raptr::eigen is compiled for " + std::string(here) + " in one file of this program and for " + std::string(linked) +
       " in another one, whose functions of Eigen the linker keeps for both: compile them with the same -m flags");
}
}  // namespace errors

namespace eigen_backend {

inline constexpr std::string_view eigen_version = RAPTR_EIGEN_VERSION;
#undef RAPTR_EIGEN_VERSION

/// The instruction sets for which the file was compiled whose copy of this function the linker keeps. Not in RAPTR_INSTRUCTIONS, so that
/// there is one copy, as of the functions of Eigen.
inline const char* linked_instructions() { return Eigen::SimdInstructionSetsInUse(); }

inline namespace RAPTR_INSTRUCTIONS {
/// Throws input_error if this file is compiled for others. What finds it is a file with other flags that uses raptr::eigen too.
inline void check_instructions() {
  const char* (*const volatile linked)() = linked_instructions;  // volatile: the copy that is linked, not the one that is inlined here
  if (std::string_view(linked()) != Eigen::SimdInstructionSetsInUse()) errors::eigen_is_compiled_twice(Eigen::SimdInstructionSetsInUse(), linked());
}
}  // namespace RAPTR_INSTRUCTIONS

}  // namespace eigen_backend
}  // namespace raptr
