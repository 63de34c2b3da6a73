// SPDX-License-Identifier: Apache-2.0
// Compiled twice for step_bench: with Eigen's products, and in a library of its own with EIGEN_USE_BLAS.
#include <raptr/backend/eigen.hpp>

#include "network_under_test.hpp"

namespace {
const bool added = (raptr::benchmarks::add_device({"@" RAPTR_BENCHMARK_DEVICE, raptr::benchmarks::make_network_on<raptr::eigen>}), true);
}  // namespace
