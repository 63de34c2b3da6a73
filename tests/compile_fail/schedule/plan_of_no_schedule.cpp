// expect: raptr: a schedule has at(raptr::run_position), which returns
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/plan.hpp>

struct answers_nothing {};
struct answers {
  raptr::stage_rule at(const raptr::run_position&) const { return {}; }
};

using namespace raptr;

#ifdef RIGHT
using asked = answers;
#else
using asked = answers_nothing;
#endif
void draw(step_plan& plan) { plan_into(plan, asked{}, {}, 100); }
