// SPDX-License-Identifier: Apache-2.0
// The errors of schedules and of their texts.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <raptr/subnet/error.hpp>

namespace raptr::errors {

[[noreturn]] inline void run_length_is_out_of_range(std::int64_t total, std::int64_t most) {
  fail("a run has " + std::to_string(total) + " steps: give a number from 1 to " + std::to_string(most));
}
[[noreturn]] inline void step_is_outside_the_run(std::int64_t step, std::int64_t total) {
  fail("step " + std::to_string(step) + " is not in a run of " + std::to_string(total) + " steps: the steps are 0 to " + std::to_string(total - 1));
}
[[noreturn]] inline void length_does_not_fit_in_the_run(std::int64_t steps, std::int64_t total) {
  fail("a schedule that lasts " + std::to_string(steps) + " steps leaves none of the " + std::to_string(total) +
       " for the next one: make it shorter or the run longer");
}
[[noreturn]] inline void shares_do_not_add_up(const std::string& sum) {
  fail("the shares of a schedule's stages add up to " + sum + ": they must add up to 1");
}
[[noreturn]] inline void schedules_share_an_axis(std::string_view axis) {
  fail("both schedules of raptr::with drop " + std::string(axis) + ": only one may");
}
[[noreturn]] inline void depths_cannot_be_stacked(const std::string& depths) {
  fail("the stacking depths " + depths + " are not valid: each depth is at least the previous one and at most twice that, as in 6-9-12");
}
[[noreturn]] inline void target_is_out_of_reach(double target, double low, double high, double at_low, double at_high) {
  const auto rounded = [](double x) { return decimal_text(std::round(x * 1e6) / 1e6); };
  fail("no number from " + rounded(low) + " to " + rounded(high) + " gives a cost of " + decimal_text(target) + ": the cost ranges from " +
       rounded(at_low < at_high ? at_low : at_high) + " to " + rounded(at_low < at_high ? at_high : at_low));
}

// ---- the text of a schedule; positions count from 1
[[noreturn]] inline void bad_schedule_text(std::string_view text, std::size_t position, const std::string& expected, const std::string& found) {
  fail("schedule " + quoted(text) + ": expected " + expected + " at position " + std::to_string(position) + ", found " + found);
}
[[noreturn]] inline void schedule_text_has_unknown_word(std::string_view text, std::size_t position, std::string_view word,
                                                        const std::string& allowed) {
  fail("schedule " + quoted(text) + ": unknown word " + quoted(word) + " at position " + std::to_string(position) + ": allowed are " + allowed);
}
[[noreturn]] inline void schedule_text_has_bad_number(std::string_view text, std::size_t position, std::string_view number,
                                                      const std::string& allowed) {
  fail("schedule " + quoted(text) + ": " + std::string(number) + " at position " + std::to_string(position) + " is not allowed: " + allowed);
}
[[noreturn]] inline void schedule_text_shrinks(std::string_view text, const std::string& from, const std::string& to) {
  fail("schedule " + quoted(text) + " shrinks from " + from + " to " + to + ": put the sizes in growing order, or set .allow_shrinking = true");
}
[[noreturn]] inline void schedule_text_drops_an_axis_twice(std::string_view text, std::string_view axis) {
  fail("schedule " + quoted(text) + ": both sides of 'with' drop " + std::string(axis) + ": only one may");
}
[[noreturn]] inline void schedule_text_needs_one_unknown(std::string_view text, long found) {
  fail("schedule " + quoted(text) + " has " + std::to_string(found) + " unknown numbers: replace exactly one number by ?, as in pld:?");
}
[[noreturn]] inline void schedule_text_is_nested_too_deeply(std::string_view text, std::size_t position, int most) {
  fail("schedule " + quoted(text.substr(0, 40)) + "...: more than " + std::to_string(most) + " open parentheses at position " +
       std::to_string(position));
}

}  // namespace raptr::errors
