// SPDX-License-Identifier: Apache-2.0
// The devices that tests run on. A test of any level says host_device where it needs the CPU, and the same file is compiled for
// raptr::cpu or, in tests/eigen, for raptr::eigen. RAPTR_TEST_DEVICES are those of a TEST_CASE_TEMPLATE. A file of tests/cuda that
// defines RAPTR_TEST_ON_CUDA and includes such a test runs it on raptr::cuda.
#pragma once

#ifdef RAPTR_TEST_ON_EIGEN
#include <raptr/backend/eigen.hpp>
#else
#include <raptr/backend/cpu.hpp>
#endif
#ifdef RAPTR_TEST_ON_CUDA
#include <raptr/backend/cuda.cuh>
#endif

#include "reference.hpp"

namespace raptr::testing {

#ifdef RAPTR_TEST_ON_EIGEN
using host_device = eigen;
#else
using host_device = cpu;
#endif
template <class Real, class Master> using host_ops = typename backend_of<host_device>::template ops<Real, Master>;
using host_options = typename backend_of<host_device>::options;

/// A row of a product has the same bits whatever the other rows are, and however many. Eigen chooses its kernel by the size of the whole
/// product and has other ones for the last rows, so on raptr::eigen such tests ask for equality within rounding: docs/backends.md.
inline constexpr bool promises_equal_bits_across_rows = !std::same_as<host_device, eigen>;

}  // namespace raptr::testing

// The reference is slow, and the tests of raptr::cpu run on it already.
#if defined(RAPTR_TEST_ON_CUDA)
#define RAPTR_TEST_DEVICES raptr::cuda
#elif defined(RAPTR_TEST_ON_EIGEN)
#define RAPTR_TEST_DEVICES raptr::testing::host_device
#else
#define RAPTR_TEST_DEVICES raptr::testing::host_device, raptr::reference
#endif
