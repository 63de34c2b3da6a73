// SPDX-License-Identifier: Apache-2.0
// Compiled twice for ops_bench: with Eigen's products, and in a library of its own with EIGEN_USE_BLAS.
#include <raptr/backend/eigen.hpp>

#include "operations.hpp"

namespace {
const bool registered = (raptr::benchmarks::register_operations<raptr::backend_of<raptr::eigen>::ops<float, float>>(RAPTR_BENCHMARK_DEVICE), true);
}  // namespace
