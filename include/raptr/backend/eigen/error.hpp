// SPDX-License-Identifier: Apache-2.0
// The errors of the Eigen backend.
#pragma once

#include <string>

#include <raptr/base/error.hpp>

namespace raptr::errors {

[[noreturn]] inline void eigen_for_several_sets(const std::string& sets) {
  fail("files of this program compile Eigen for " + sets +
       ", and a linker keeps one copy of its code for all: compile all files that include raptr/backend/eigen.hpp with the same -m flags");
}

}  // namespace raptr::errors
