// SPDX-License-Identifier: Apache-2.0
// The user's Eigen, as they have it: no macro is set before it. Its faults that would be found only by a long list of errors are named here.
#pragma once

#if defined(__AVX512F__) && !defined(__FMA__)
#error "raptr: Eigen needs -mfma beside -mavx512f: add it, or use -march=native"
#endif

#include <Eigen/Core>
#include <string>

#if !EIGEN_VERSION_AT_LEAST(3, 4, 0)
#error "raptr: raptr::eigen needs Eigen 3.4 or newer (Debian: libeigen3-dev; PyPI: cmeel-eigen)"
#endif

#include <raptr/base/config.hpp>

namespace raptr::eigen_backend {
inline namespace RAPTR_INSTRUCTIONS {

/// Like "3.4.0".
inline std::string version() {
#if defined(EIGEN_VERSION_STRING)
  return EIGEN_VERSION_STRING;
#else
  return std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." + std::to_string(EIGEN_MINOR_VERSION);
#endif
}

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::eigen_backend
