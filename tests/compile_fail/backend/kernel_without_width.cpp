// expect: raptr: for_each_row runs a raptr::row_kernel
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>

using namespace raptr;

struct total {
  static constexpr int sums = 1;
  const float* x;
  float* to;
#ifdef RIGHT
  int width = 1;
#endif
  template <class Team> void row(Team& team, std::int64_t r) const {
    const float v = x[r];
    team.each(1, [v, &team](int i) { team.add(0, i, v); });
  }
  float* sum(int, int) const { return to; }
};
void add_up(cpu_ops<float, float>& ops, const float* x, float* to) { ops.for_each_row(total{x, to}, 3); }
