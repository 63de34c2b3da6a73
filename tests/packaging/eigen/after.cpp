// SPDX-License-Identifier: Apache-2.0
// clang-format off
#include <raptr/backend/cpu.hpp>
#include <raptr/raptr.hpp>
#include <raptr/data/token_stream.hpp>

#include <Eigen/Core>

#include "part.hpp"
// clang-format on

outcome eigen_after() { return training(); }
