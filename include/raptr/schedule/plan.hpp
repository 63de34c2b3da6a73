// SPDX-License-Identifier: Apache-2.0
// The plan of a step: a pure function of (schedule, network, seed, step, total), equal on every rank and after every
// resume by construction.
#pragma once

#include <raptr/schedule/run_position.hpp>
#include <raptr/subnet/rules/plan_writer.hpp>

namespace raptr {

/// Fills the plan of step key.step of a run of `total` steps; allocates nothing for any schedule.
///
/// Throws input_error if the step is not in the run or its rules do not fit the network.
template <class Schedule> void plan_into(step_plan& plan, const Schedule& schedule, const draw_key& key, std::int64_t total) {
  static_assert(subnet_schedule<Schedule>, "raptr: a schedule has at(raptr::run_position), which returns the raptr::stage_rule of that step");
  if constexpr (subnet_schedule<Schedule>) {
    const stage_rule& now = schedule.at(position_at(schedule, static_cast<std::int64_t>(key.step), total, plan.layout().shape));
    write_plan(plan, now, key);
    plan.set_key(key);
  }
}

}  // namespace raptr
