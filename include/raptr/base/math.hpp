// SPDX-License-Identifier: Apache-2.0
// Elementary functions without branches and without errno, so that a loop over them becomes SIMD. double: std::.
#pragma once

#include <cmath>

#include <raptr/base/config.hpp>

namespace raptr::math {

template <class T> RAPTR_BOTH T exp(T x) { return std::exp(x); }
template <class T> RAPTR_BOTH T tanh(T x) { return std::tanh(x); }
template <class T> RAPTR_BOTH T erf(T x) { return std::erf(x); }
template <class T> RAPTR_BOTH T sqrt(T x) { return std::sqrt(x); }

}  // namespace raptr::math
