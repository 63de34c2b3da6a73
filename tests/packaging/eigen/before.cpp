// SPDX-License-Identifier: Apache-2.0
#include <Eigen/Core>

#include "part.hpp"

outcome eigen_before() { return training(); }
