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

// ---- parts of the ranks' own
[[noreturn]] inline void parts_are_not_of_equal_size(std::int64_t step, std::string_view axis, double kept, int total, const std::string& why) {
  fail("from step " + std::to_string(step + 1) + " on this schedule keeps " + decimal_text(kept) + " of " + std::to_string(total) + " " +
       std::string(axis) + " " + why +
       ", so the parts of two ranks would differ in size and one rank would wait for another: use a selector that keeps exact numbers, such as "
       "exactly, or let all ranks share a plan");
}
[[noreturn]] inline void parts_drop_sequences(std::int64_t step, double kept, int total) {
  fail("from step " + std::to_string(step + 1) + " on this schedule drops sequences (it keeps " + decimal_text(kept) + " of " +
       std::to_string(total) +
       " in a block), and every rank has sequences of its own already: let all ranks share a plan, or drop layers, heads or neurons");
}
[[noreturn]] inline void drawn_parts_differ_in_size(std::int64_t step, const std::string& of_rank_0, int rank, const std::string& of_rank) {
  fail("in step " + std::to_string(step + 1) + " rank 0 has drawn " + of_rank_0 + " and rank " + std::to_string(rank) + " " + of_rank +
       ": parts of the ranks' own are of equal size, so use selectors that keep exact numbers, or let all ranks share a plan");
}

// ---- networks that grow
[[noreturn]] inline void both_schedules_grow() { fail("both sides of `with` grow the network: only one may"); }
[[noreturn]] inline void network_is_out_of_range(std::int64_t step, int blocks, int layers) {
  fail("network_at of this schedule returns " + std::to_string(blocks) + " blocks at step " + std::to_string(step) + " for a model of " +
       std::to_string(layers) + ": return at least one, with numbers from 0 to " + std::to_string(layers - 1));
}
[[noreturn]] inline void growth_is_out_of_range(std::int64_t step, int from, int to, int layers) {
  fail("this schedule copies block " + std::to_string(from) + " over block " + std::to_string(to) + " at step " + std::to_string(step) +
       ": blocks are 0 to " + std::to_string(layers - 1));
}
[[noreturn]] inline void growth_writes_a_block_twice(std::int64_t step, int to) {
  fail("this schedule copies two blocks over block " + std::to_string(to) + " at step " + std::to_string(step) + ": copy one of them");
}
[[noreturn]] inline void copied_block_does_not_exist(std::int64_t step, int from, int to) {
  fail("this schedule copies block " + std::to_string(from) + " over block " + std::to_string(to) + " at step " + std::to_string(step) +
       ", but block " + std::to_string(from) + " is not in the network before that step: copy one that is");
}
[[noreturn]] inline void growth_before_training(int from, int to) {
  fail("this schedule copies block " + std::to_string(from) + " over block " + std::to_string(to) +
       " at step 0, before anything is trained: return no copies there");
}
[[noreturn]] inline void block_joins_without_a_copy(std::int64_t step, int block) {
  fail("block " + std::to_string(block) + " joins the network at step " + std::to_string(step) +
       ", but nothing is copied to it: name its source in growth(), or itself to keep its initial weights; as text, write depths that "
       "continue, as in stack:6-9-12");
}
[[noreturn]] inline void trained_block_is_lost(std::int64_t step, int block, int before, int after) {
  fail("at step " + std::to_string(step) + " the network goes from " + std::to_string(before) + " to " + std::to_string(after) +
       " blocks, and neither block " + std::to_string(block) +
       ", which was trained, nor a copy of it remains: this is shrinking; begin with the "
       "smaller network, or allow shrinking (.allow_shrinking = true, --allow-shrinking)");
}
[[noreturn]] inline void block_does_not_exist_yet(std::int64_t step, int block, int blocks) {
  fail("the plan of step " + std::to_string(step) + " has block " + std::to_string(block) + ", which is not among the " + std::to_string(blocks) +
       " blocks of the network at that step: keep those that exist, as a drop of layers with the selector first does");
}
[[noreturn]] inline void network_changes_inside_a_stage(std::int64_t step, std::int64_t first) {
  fail("the network of this schedule changes at step " + std::to_string(step) + ", inside the stage that begins at step " + std::to_string(first) +
       ": blocks join and are copied at the first step of a stage, so let stage_end() end a stage there");
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
  fail("schedule " + quoted(text) + " shrinks from " + from + " to " + to +
       ": put the sizes in growing order, or allow shrinking (.allow_shrinking = true, --allow-shrinking)");
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
