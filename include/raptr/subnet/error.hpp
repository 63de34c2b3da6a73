// SPDX-License-Identifier: Apache-2.0
// Errors of shapes, schedules, rules and plans.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <raptr/base/decimal.hpp>
#include <raptr/base/error.hpp>

namespace raptr {

/// A member of a shape has a bad value. For a caller in C++, what() names the member; programs name their option in its place, and readers the
/// member of the file.
struct member_error : input_error {
  member_error(std::string name, const std::string& rest) : input_error("raptr: " + name + rest), member(std::move(name)), problem(rest) {}
  std::string member, problem;

  /// Where it is in a model_shape: "kv_heads", "rotary_stretch.fast", "dropout.residual".
  std::string path() const {
    for (const auto& [type, place] :
         {std::pair<std::string, std::string>{"model_shape::", ""}, {"rotary_scaling::", "rotary_stretch."}, {"dropout_rates::", "dropout."}})
      if (member.starts_with(type)) return place + member.substr(type.size());
    return member;
  }
};

}  // namespace raptr

namespace raptr::errors {

[[noreturn]] inline void fail_member(std::string_view member, const std::string& problem) { throw member_error(std::string(member), problem); }

inline std::string quoted(std::string_view text) { return std::string("\"").append(text).append("\""); }

// ---- shapes
[[noreturn]] inline void size_is_not_positive(std::string_view name, int size) {
  fail_member("model_shape::" + std::string(name), " is " + std::to_string(size) + ": it must be at least 1");
}
[[noreturn]] inline void size_is_too_large(std::string_view name, int size, int most) {
  fail_member("model_shape::" + std::string(name), " is " + std::to_string(size) + ": it must be at most " + std::to_string(most));
}
[[noreturn]] inline void number_is_negative(std::string_view name, int number) {
  fail_member("model_shape::" + std::string(name), " is " + std::to_string(number) + ": give a positive number, or 0 for that of the block");
}
[[noreturn]] inline void neurons_are_negative(int neurons) {
  fail_member("model_shape::neurons", " is " + std::to_string(neurons) + ": give a positive number, or 0 for four times the width");
}
[[noreturn]] inline void heads_do_not_divide_width(int width, int heads, int below, int above) {
  const std::string higher = above > 0 ? " or " + std::to_string(above) : "";
  fail("width " + std::to_string(width) + " is not a multiple of " + std::to_string(heads) + " heads: take " + std::to_string(below) + higher +
       " heads, or another width");
}
[[noreturn]] inline void kv_heads_are_out_of_range(int groups, int heads) {
  fail_member("model_shape::kv_heads", " is " + std::to_string(groups) + ": give a number from 1 to " + std::to_string(heads) +
                                           ", the number of heads, or 0 for one group per head");
}
[[noreturn]] inline void groups_do_not_divide(std::string_view what, int total, std::string_view name, int group, int below, int above) {
  std::string nearest = below > 0 ? std::to_string(below) : "";
  if (above > 0 && above != below) nearest += (nearest.empty() ? "" : " or ") + std::to_string(above);
  fail_member("model_shape::" + std::string(name), " is " + std::to_string(group) + ", which does not divide " + std::to_string(total) + " " +
                                                       std::string(what) + ": take " + nearest + ", or another number of " + std::string(what));
}
[[noreturn]] inline void too_many_parts(int parts, int most) {
  fail("a block has " + std::to_string(parts) + " parts: at most " + std::to_string(most) + " are allowed");
}

// ---- numbers of units
[[noreturn]] inline void unit_is_out_of_reach(int unit, int capacity) {
  fail("unit " + std::to_string(unit) + " is not in 0 to " + std::to_string(capacity - 1) + ", the range of a unit_set");
}
[[noreturn]] inline void stage_keeps_more_units_than_the_model_has(std::string_view axis, int kept, int total) {
  fail("a stage keeps " + std::to_string(kept) + " of " + std::to_string(total) + " " + std::string(axis) + ": keep between 1 and " +
       std::to_string(total));
}
[[noreturn]] inline void fraction_gives_no_whole_unit(std::string_view axis, int num, int den, int total) {
  const std::int64_t below = std::int64_t{num} * total / den, of = total;
  const auto share = [&](std::int64_t n) { return std::to_string(n) + "/" + std::to_string(of); };
  fail("a stage keeps " + std::to_string(num) + "/" + std::to_string(den) + " of " + std::to_string(total) + " " + std::string(axis) +
       ", which is not a whole number: the nearest are " + (below > 0 ? share(below) + " and " : "") + share(below + 1));
}
/// members: of a group.
[[noreturn]] inline void stage_does_not_fit_the_groups(std::string_view axis, int groups, int members) {
  fail("a stage must keep 1 to " + std::to_string(groups) + " of the " + std::to_string(groups) + " groups of " + std::to_string(members) + " " +
       std::string(axis) + ", which are kept or dropped together: give a number of groups, or a share that is a whole number of them");
}
[[noreturn]] inline void share_is_not_in_0_to_1(double share) {
  fail("a stage keeps a share of " + decimal_text(share) + ": give a number above 0 and at most 1");
}
[[noreturn]] inline void count_of_an_unknown_total(std::string_view axis, int count) {
  fail("a stage keeps " + std::to_string(count) + " " + std::string(axis) +
       ", but their number is not known here: give a share such as 3/4, or network_layout::sequences");
}
[[noreturn]] inline void sequences_are_not_known() {
  fail(
      "a stage drops sequences, but the layout of this plan has no number of sequences: create it with "
      "layout_of<Block>(shape, sequences)");
}
[[noreturn]] inline void stage_keeps_fewer_units_than_are_fixed(double kept, int first, int last) {
  const std::string both = std::to_string(std::int64_t{first} + last);
  fail("a stage keeps " + decimal_text(kept) + " units where " + both + " are always kept (the first " + std::to_string(first) + " and the last " +
       std::to_string(last) + "): keep at least " + both + ", or fix fewer");
}
[[noreturn]] inline void fixed_units_are_negative(int first, int last) {
  fail("the first " + std::to_string(first) + " and the last " + std::to_string(last) + " units are fixed: neither number may be negative");
}
[[noreturn]] inline void selector_left_the_range(std::string_view axis, int unit, int total) {
  fail("the selector of " + std::string(axis) + " chose unit " + std::to_string(unit) + " of " + std::to_string(total) + ": units are 0 to " +
       std::to_string(total - 1));
}

// ---- rules
[[noreturn]] inline void two_drops_on_one_axis(std::string_view axis) {
  fail("a stage has two drops on " + std::string(axis) + ": only one is allowed per axis");
}
[[noreturn]] inline void stage_has_too_many_drops(int most) { fail("a stage has more than " + std::to_string(most) + " drops"); }
[[noreturn]] inline void network_has_no_such_axis(std::string_view axis, const std::string& known) {
  fail("the schedule drops " + std::string(axis) + ", which this network does not have: it has " + known);
}
[[noreturn]] inline void profile_has_the_wrong_length(std::size_t given, int needed) {
  fail("a profile has " + std::to_string(given) + " shares, but the network has " + std::to_string(needed) + " blocks: give one share per block");
}
[[noreturn]] inline void profile_leaves_the_range(int block, double share, double mean) {
  fail("a profile with the mean " + decimal_text(mean) + " keeps the share " + decimal_text(share) + " in block " + std::to_string(block) +
       ": shares are 0 to 1, so take a larger mean or another profile");
}
[[noreturn]] inline void profile_has_another_mean(std::string_view axis, double mean, double asked) {
  fail("the profile of " + std::string(axis) + " keeps a share of " + decimal_text(mean) + " on average, but the stage keeps " + decimal_text(asked) +
       ": they must agree");
}
[[noreturn]] inline void whole_block_scale_meets_post_norm(std::int64_t step) {
  fail("this schedule scales whole blocks (inverse) at step " + std::to_string(step) +
       ", which is not defined for a post-norm block: use inverse_per_branch or a pre-norm block");
}
[[noreturn]] inline void policy_does_not_fit_the_axis(std::string_view axis, const std::string& problem) {
  fail("the drop of " + std::string(axis) + " " + problem);
}
[[noreturn]] inline void profile_meets_a_selector(std::string_view axis) {
  policy_does_not_fit_the_axis(axis, "has a profile, which draws each unit independently: leave out the selector and the fixed units");
}
[[noreturn]] inline void selector_has_no_fixed_units(std::string_view axis, const std::string& allowed) {
  policy_does_not_fit_the_axis(axis, "has fixed units, which only the selectors " + allowed + " support: name one of them");
}
[[noreturn]] inline void unknown_name(std::string_view kind, std::string_view name, const std::string& allowed) {
  fail("unknown " + std::string(kind) + " " + quoted(name) + ": allowed are " + allowed);
}

[[noreturn]] inline void number_has_no_use(const char* name, double given, const char* without) {
  fail_member(name, " is " + decimal_text(given) + ", but nothing reads it without " + without + ": leave it out, or give that too");
}
[[noreturn]] inline void number_is_out_of_range(std::string_view name, double value, std::string_view allowed) {
  fail_member(name, " is " + decimal_text(value) + ": give " + std::string(allowed));
}
[[noreturn]] inline void schedule_has_no_text() { fail("this schedule has no text form"); }

// ---- plans
[[noreturn]] inline void block_is_not_active(int block) {
  fail("block " + std::to_string(block) + " is dropped in this step: blocks() lists the active ones");
}
[[noreturn]] inline void block_cannot_be_added(int block, int last, int layers) {
  fail("block " + std::to_string(block) + " cannot be added to this plan: add blocks in growing order, from " + std::to_string(last + 1) + " to " +
       std::to_string(layers - 1));
}
[[noreturn]] inline void plan_is_malformed(int block, std::string_view part, const std::string& problem) {
  fail("the plan of block " + std::to_string(block) + (part.empty() ? " " : ", part " + std::string(part) + ", ") + problem);
}

}  // namespace raptr::errors
