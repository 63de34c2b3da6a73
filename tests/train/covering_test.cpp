// SPDX-License-Identifier: Apache-2.0
// The covering set itself: every pair that is possible is in it, everything else is refused, and its plans keep and drop
// every unit of every axis. The tests beside this one, one for each block, train its rows.
#include <doctest/doctest.h>

#include <map>
#include <string>

#include <raptr/models/bert.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/block.hpp>

#include "covering.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

using own_block = block<bert_block, fourth_norm, experts, pre_norm>;
constexpr std::array norm_first{true, false, false, true};
network_layout layout_of_row(const choice& c) {
  return c[of_block] == mixture ? layout_of<own_block>(four_of_all, sequences_of_a_step) : layout_of<gpt2_block>(four_of_all, sequences_of_a_step);
}
std::string said_to(const choice& c) {
  try {
    check_schedule(schedule_of(c), layout_of_row(c), covering_steps, norm_first[std::size_t(c[of_block])]);
  } catch (const input_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("Every combination is a schedule or refused for its reason") {
  int taken = 0;
  std::map<std::string_view, int> refused;
  each_choice([&](const choice& c) {
    if (c[of_dropped] != 0) return;
    const std::string_view reason = refusal(c);
    const std::string said = said_to(c);
    if (said.empty() != reason.empty() || said.find(reason) == said.npos)
      FAIL_CHECK(block_names[std::size_t(c[of_block])] << ", " << text_of_choice(c) << ": expected \"" << reason << "\", found \"" << said << "\"");
    reason.empty() ? ++taken : ++refused[reason];
  });
  for (const auto& [reason, times] : refused) MESSAGE(times << " times: " << reason);
  CHECK(refused.size() == 9);
  CHECK(taken > 1000);
}

TEST_CASE("Every two values that can go together stand together in a row") {
  const std::vector<choice> rows = covering_rows();
  pair_set covered, possible;
  for (const choice& row : rows) {
    CHECK(refusal(row).empty());
    covered.add(row);
  }
  int never = 0;
  each_choice([&](const choice& c) {
    if (!refusal(c).empty()) return;
    never += covered.missing(c), possible.add(c);
  });
  MESSAGE(rows.size() << " rows cover " << covered.size() << " pairs");
  CHECK(never == 0);
  CHECK(covered.size() == possible.size());
  CHECK(rows.size() < 100);
  for (std::size_t i = 0; i < choices; ++i) {
    std::map<int, int> times;
    for (const choice& row : rows) ++times[row[i]];
    CHECK(std::ssize(times) == values[i]);
    for (const auto& [value, count] : times) CHECK(count > 2);
  }
}

TEST_CASE("The plans of the rows keep and drop every unit of every axis") {
  std::map<int, std::map<int, std::array<int, 2>>> seen;  // axis, unit, kept
  std::uint64_t number = 0;
  for (const choice& row : covering_rows())
    for (const step_plan& plan : plans_of(row, number++, layout_of_row(row)))
      each_drawn_unit(row, plan, [&](int unit, bool kept) { ++seen[row[of_axis]][unit][kept]; });
  CHECK(std::ssize(seen) == values[of_axis]);
  for (const auto& [axis, units] : seen) {
    const std::string name(axis_names[std::size_t(axis)]);  // clang 14 captures no structured binding
    CAPTURE(name);
    CHECK(units.size() == (axis == layers_axis ? 4 : axis == sublayers_axis ? 8 : 16));
    for (const auto& [unit, times] : units) {
      const int number_of_unit = unit;
      CAPTURE(number_of_unit);
      CHECK(times[0] > 0);
      CHECK(times[1] > 0);
    }
  }
}
