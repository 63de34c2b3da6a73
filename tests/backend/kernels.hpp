// SPDX-License-Identifier: Apache-2.0
// Row kernels and walk functors that the backend's tests run: together they use everything a team can do.
#pragma once

#include <cmath>
#include <cstdint>

#include <raptr/backend/ops.hpp>

namespace raptr::testing {

/// y = max(y, 0)
template <class T> struct rectify {
  static constexpr int sums = 0;
  T* y;
  int length;
  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    const auto cut = [](int, T& v) { v = v > T(0) ? v : T(0); };
    team.each(length, cut, y + r * length);
  }
};

/// largest[r] = the largest of row r.
template <class T> struct largest_of_row {
  static constexpr int sums = 0;
  const T* y;
  T* largest;
  int length;
  int columns() const { return length; }
  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    const auto value = [](int, const T& v) { return v; };
    const T most = team.max(length, value, y + r * length);
    T* const to = largest + r;
    team.each(1, [=](int) { *to = most; });
  }
};

/// y = (y - mean) / sqrt(var + 1); column sums of the new y and of its square.
template <class T> struct normalise {
  static constexpr int sums = 2;
  T* y;
  T *sum_y, *sum_square;
  int width;
  int columns() const { return width; }
  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    const int n = width;
    T* const row = y + r * n;
    const T* const given = row;
    const auto value = [](int, const T& v) { return v; };
    const T mean = team.sum(n, value, given) / T(n);
    const auto square = [=](int, const T& v, const T& same) { return (v - mean) * (same - mean); };
    const T scale = T(1) / std::sqrt(team.sum(n, square, given, given) / T(n) + T(1));
    const auto normal = [=, &team](int i, T& v, const T& before) {
      v = (before - mean) * scale;
      team.add(0, i, v);
      team.add(1, i, v * v);
    };
    team.each(n, normal, row, given);
  }
  RAPTR_BOTH T* sum(int k, int i) const { return (k == 0 ? sum_y : sum_square) + i; }
};

/// y = softmax(y); *loss += the log of the sum of exponentials. The sum has another width than the row. By indices alone.
template <class T> struct soft {
  static constexpr int sums = 1;
  int width = 1;
  T* y;
  T* loss;
  int length;
  int columns() const { return length; }
  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    T* const row = y + r * length;
    const T top = team.max(length, [=](int i) { return row[i]; });
    const T total = team.sum(length, [=](int i) { return std::exp(row[i] - top); });
    team.each(1, [=, &team](int) { team.add(0, 0, top + std::log(total)); });
    team.each(length, [=](int i) { row[i] = std::exp(row[i] - top) / total; });
  }
  RAPTR_BOTH T* sum(int, int) const { return loss; }
};

}  // namespace raptr::testing
