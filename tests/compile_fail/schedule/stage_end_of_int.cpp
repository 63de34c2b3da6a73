// expect: raptr: stage_end of a schedule is std::int64_t stage_end(
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/plan.hpp>

using namespace raptr;

struct halves {
  stage_rule at(const run_position&) const { return {}; }
#ifdef RIGHT
  std::int64_t stage_end(std::int64_t step, std::int64_t total) const { return 2 * step < total ? total / 2 : total; }
#else
  int stage_end(int step, int total) const { return 2 * step < total ? total / 2 : total; }
#endif
};
void draw(step_plan& plan) { plan_into(plan, halves{}, {}, 100); }
