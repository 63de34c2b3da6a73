// expect: raptr: a schedule with growth or network_at needs stage_end
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/any_schedule.hpp>

using namespace raptr;

struct grows_at_half {
  stage_rule at(const run_position& now) const {
    stage_rule all;
    all.add(rule_of<layer_drop, first_units>().keeping(network_at(now).size()));
    return all;
  }
  unit_set network_at(const run_position& now) const { return unit_set::first(2 * now.step < now.total ? 3 : 4); }
  std::vector<block_copy> growth(const run_position& now) const {
    return 2 * now.step == now.total ? std::vector<block_copy>{{2, 3}} : std::vector<block_copy>{};
  }
#ifdef RIGHT
  std::int64_t stage_end(std::int64_t step, std::int64_t total) const { return 2 * step < total ? total / 2 : total; }
#endif
};
const any_schedule held(grows_at_half{});
