// expect: raptr: Eigen 3.4 or newer is needed, and this is Eigen 3.3.9
// SPDX-License-Identifier: Apache-2.0
#include <Eigen/Core>
#ifndef RIGHT
#undef EIGEN_WORLD_VERSION
#undef EIGEN_MAJOR_VERSION
#undef EIGEN_MINOR_VERSION
#define EIGEN_WORLD_VERSION 3
#define EIGEN_MAJOR_VERSION 3
#define EIGEN_MINOR_VERSION 9
#endif
#include <raptr/interop/eigen.hpp>
