// expect: raptr: for_each_row runs a raptr::row_kernel
// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include <raptr/backend/cpu.hpp>

using namespace raptr;

struct scaled {
  static constexpr int sums = 0;
#ifdef RIGHT
  const float* factors;
#else
  std::vector<float> factors;  // would be copied to a GPU bit by bit
#endif
  float* x;
  int width;
  template <class Team> void row(Team& team, std::int64_t r) const {
    const float factor = factors[std::size_t(r)];
    team.each(
        width, [=](int, float& v) { v *= factor; }, x + r * width);
  }
};
void scale(cpu_ops<float, float>& ops, const scaled& kernel) { ops.for_each_row(kernel, 3); }
