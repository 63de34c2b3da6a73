// SPDX-License-Identifier: Apache-2.0
// The sum of the losses of all targets, and of those of each group.
#pragma once

#include <cstdint>

#include <raptr/backend/row_kernel.hpp>

namespace raptr {

/// *total += the sum of values.
struct sum_rows {
  static constexpr int sums = 1;
  const double* values;
  double* total;
  int width = 1;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    const double v = values[r];
    team.each(1, [v, &team](int i) { team.add(0, i, v); });
  }
  RAPTR_BOTH double* sum(int, int) const { return total; }
};

/// totals[g] += the sum of the values of group g.
struct sum_rows_by_group {
  static constexpr int sums = 1;
  const double* values;
  const int* groups;
  double* totals;
  int width;  // groups

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    const double v = values[r];
    const int group = groups[r];
    team.each(width, [v, group, &team](int g) {
      if (g == group) team.add(0, g, v);
    });
  }
  RAPTR_BOTH double* sum(int, int g) const { return totals + g; }
};

}  // namespace raptr
