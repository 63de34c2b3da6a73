// SPDX-License-Identifier: Apache-2.0
// The Eigen backend: implements the tag raptr::eigen. It is the CPU backend (threads, ranges, tasks, memory) with the arithmetic of the
// user's Eigen, 3.4 or newer. It sets no macro of Eigen and changes none of its settings. docs/eigen.md says what it promises.
#pragma once

#include <raptr/backend/cpu.hpp>
#include <raptr/backend/eigen/kernels.hpp>

namespace raptr {

template <> struct backend_of<eigen> {
  using options = cpu_options;
  template <class Real, class Master> using ops = cpu_ops<Real, Master, eigen_backend::kernels>;
};

}  // namespace raptr
