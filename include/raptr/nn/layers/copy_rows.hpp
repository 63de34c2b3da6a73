// SPDX-License-Identifier: Apache-2.0
// Row kernels that only move or combine rows.
#pragma once

#include <cstdint>

#include <raptr/backend/ops.hpp>
#include <raptr/base/bfloat16.hpp>

namespace raptr {

/// Row to[r] of dst = row from[r] of src; a null index means r itself.
template <class T> struct copy_rows {
  static constexpr int sums = 0;
  T* dst;
  const T* src;
  const int *to, *from;
  int width;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    T* const d = dst + (to ? to[r] : r) * width;
    const T* const s = src + (from ? from[r] : r) * width;
    const auto copy = [](int, T& out, const T& in) { out = in; };
    team.each(width, copy, d, s);
  }
};

template <class T> struct zero_rows {
  static constexpr int sums = 0;
  T* x;
  int width;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    const auto clear = [](int, T& out) { out = T(0); };
    team.each(width, clear, x + r * width);
  }
};

/// y = a x + b y.
template <class T> struct blend_rows {
  static constexpr int sums = 0;
  T* y;
  const T* x;
  double a, b;
  int width;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    const auto p = wide<T>(a), q = wide<T>(b);
    const auto blend = [=](int, T& out, const T& in) { out = p * in + q * out; };
    team.each(width, blend, y + r * width, x + r * width);
  }
};

}  // namespace raptr
