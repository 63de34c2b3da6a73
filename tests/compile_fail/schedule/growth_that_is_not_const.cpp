// expect: raptr: growth and network_at of a schedule are
// SPDX-License-Identifier: Apache-2.0
#include <raptr/schedule/any_schedule.hpp>

using namespace raptr;

struct grows {
  stage_rule at(const run_position&) const { return {}; }
  std::int64_t stage_end(std::int64_t, std::int64_t total) const { return total; }
#ifdef RIGHT
  std::vector<block_copy> growth(const run_position&) const { return {}; }
#else
  std::vector<block_copy> growth(const run_position&) { return {}; }
#endif
};
const then<lasting<steps<10>, grows>, full_network> both;
std::vector<block_copy> copies(const run_position& now) { return growth_of(both, now); }
