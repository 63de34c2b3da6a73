// SPDX-License-Identifier: Apache-2.0
// What the tests of schedules share: a network, and the question whether schedules lead to the same plans.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include <raptr/schedule/any_schedule.hpp>
#include <raptr/schedule/check.hpp>
#include <raptr/schedule/plan.hpp>

#include "example_block.hpp"

/// 12 blocks of 12 heads and 192 groups of neurons, 8 sequences in a step.
inline constexpr raptr::network_layout twelve_blocks = raptr::layout_of<example_block>(raptr::bert_base, 8);

inline raptr::step_plan plan_at(const auto& schedule, std::int64_t step, std::int64_t total) {
  raptr::step_plan plan(twelve_blocks);
  raptr::plan_into(plan, schedule, {.seed = 3, .step = static_cast<std::uint64_t>(step)}, total);
  return plan;
}
inline bool same_plans(const auto& one, const auto& other, std::int64_t total = 120) {
  for (std::int64_t step = 0; step < total; ++step)
    if (!(plan_at(one, step, total) == plan_at(other, step, total)) || raptr::stage_end(one, step, total) != raptr::stage_end(other, step, total))
      return false;
  return true;
}
/// The schedule, its text, the schedule of the text and so on: the same text and the same plans.
inline void round_trips(const auto& schedule, const std::string& text, const raptr::text_options& options = {}) {
  CAPTURE(text);
  CHECK(raptr::text_of(schedule) == text);
  const raptr::any_schedule again(text, options);
  CHECK(again.text() == text);
  CHECK(same_plans(schedule, again));
  raptr::check_schedule(again, twelve_blocks, 120, true);
}
/// What a text reads as.
inline void reads_as(const std::string& text, const auto& schedule) {
  CAPTURE(text);
  const raptr::any_schedule read(text);
  CHECK(same_plans(read, schedule));
  CHECK(same_plans(raptr::any_schedule(read.text()), schedule));
}
