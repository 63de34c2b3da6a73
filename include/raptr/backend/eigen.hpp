// SPDX-License-Identifier: Apache-2.0
// The CPU backend with the arithmetic of Eigen: implements the tag raptr::eigen. (A stand-in until its kernels are there.)
#pragma once

#include <Eigen/Core>

#include <raptr/backend/cpu.hpp>

namespace raptr {
inline namespace RAPTR_INSTRUCTIONS {
template <class Real, class Master> class eigen_ops : public cpu_ops<Real, Master> {
 public:
  using cpu_ops<Real, Master>::cpu_ops;
};
}  // namespace RAPTR_INSTRUCTIONS

template <> struct backend_of<eigen> {
  using options = cpu_options;
  template <class Real, class Master> using ops = eigen_ops<Real, Master>;
};

}  // namespace raptr
