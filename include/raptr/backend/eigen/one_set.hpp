// SPDX-License-Identifier: Apache-2.0
// A program whose files are compiled for several instruction sets must not use Eigen in two of them: a linker keeps one copy of a template
// of Eigen for all, and vectors and alignment of the other files are not those of the copy. Every file that includes this header enters
// its set into a list before main(), and the backend looks at the list. Files that include Eigen alone are not in it.
#pragma once

#include <string>
#include <utility>

#include <raptr/backend/cpu/simd.hpp>
#include <raptr/backend/eigen/error.hpp>

namespace raptr {
namespace eigen_backend {

struct compiled_set {
  const char* name;
  bool fma;
  const compiled_set* before;
};
inline const compiled_set* compiled_sets = nullptr;

inline namespace RAPTR_INSTRUCTIONS {
#if defined(__FMA__)
inline constexpr bool has_fma = true;
#else
inline constexpr bool has_fma = false;
#endif
inline const compiled_set of_this_file{cpu_backend::instruction_set, has_fma, std::exchange(compiled_sets, &of_this_file)};
}  // namespace RAPTR_INSTRUCTIONS

/// Throws input_error if files of this program compile Eigen for more than one instruction set.
inline void check_one_set() {
  if (!compiled_sets || !compiled_sets->before) return;
  std::string sets;
  for (const compiled_set* set = compiled_sets; set; set = set->before)
    sets += std::string(sets.empty() ? "" : set->before ? ", " : " and ") + set->name + (set->fma ? " with FMA" : "");
  errors::eigen_for_several_sets(sets);
}

}  // namespace eigen_backend
}  // namespace raptr
