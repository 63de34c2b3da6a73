// SPDX-License-Identifier: Apache-2.0
// Stages in order, each with its share of the steps: the functions of a list of stages, shared by compile-time and run-time
// schedules.
#pragma once

#include <numeric>
#include <vector>

#include <raptr/schedule/error.hpp>
#include <raptr/schedule/run_position.hpp>
#include <raptr/subnet/rules/library_rules.hpp>

namespace raptr {

namespace stages {

/// The first step after the stage that holds `step`. In a run with fewer steps than stages some stages are empty.
constexpr std::int64_t end_of_stage(const auto& list, std::int64_t step, std::int64_t total) {
  fraction_sum before;
  for (const stage_rule& s : list) {
    before.add(s.share);
    if (const std::int64_t end = before.of(total); step < end) return end;
  }
  return total;
}
constexpr const stage_rule& at(const auto& list, const run_position& now) {
  fraction_sum before;
  for (const stage_rule& s : list) {
    before.add(s.share);
    if (now.step < before.of(now.total)) return s;
  }
  return *(list.end() - 1);
}
constexpr std::int64_t common_denominator(const auto& list) {
  std::int64_t common = 1;
  for (const stage_rule& s : list) common = std::lcm(common, std::int64_t{s.share.den()});
  return common;
}

/// For n equal stages: the first step of stage i, and the stage of a step.
constexpr std::int64_t equal_border(int i, int n, std::int64_t total) { return (i * total + n - 1) / n; }
constexpr int equal_stage(int n, std::int64_t step, std::int64_t total) {
  int i = 0;
  while (i + 1 < n && step >= equal_border(i + 1, n, total)) ++i;
  return i;
}
constexpr std::int64_t equal_end(int n, std::int64_t step, std::int64_t total) { return equal_border(equal_stage(n, step, total) + 1, n, total); }

/// "@1:3" for stages of 1/4 and 3/4; empty for equal ones.
inline std::string lengths_text(const auto& list) {
  const std::int64_t whole = common_denominator(list);
  std::string text;
  bool equal = true;
  for (const stage_rule& s : list) {
    equal = equal && s.share == list.begin()->share;
    text += text.empty() ? "@" : ":";
    text += std::to_string(s.share.num() * whole / s.share.den());
  }
  return equal ? "" : text;
}
/// The name of a rule, written before the sizes; empty for layers.
inline std::string prefix(const drop_rule& rule) {
  const std::string word = word_of(rule);
  return word == layers::name ? "" : word + " ";
}
/// The sizes of one axis: "heads 1/2-3/4-full". Throws input_error if its policies differ between stages.
inline std::string axis_text(const auto& list, std::string_view axis, const std::string& lengths) {
  const drop_rule* meaning = nullptr;
  std::string sizes;
  for (const stage_rule& s : list) {
    const drop_rule* const rule = s.find(axis);
    if (rule && meaning && (rule->name != meaning->name || !rule->same_policies(*meaning))) errors::schedule_has_no_text();
    if (rule) meaning = rule;
    if (&s != &*list.begin()) sizes += "-";
    sizes += (rule ? rule->kept : amount{}).text();
  }
  return prefix(*meaning) + (list.size() == 1 ? "constant:" : "") + sizes + lengths;
}
/// "6-8-10-12", "6-12@1:3 with heads 1/2-full@1:3", "constant:9", "full".
inline std::string text(const auto& list, const std::string& lengths) {
  std::string all;
  std::vector<std::string_view> axes;
  for (const stage_rule& s : list)
    for (const drop_rule& r : s)
      if (std::find(axes.begin(), axes.end(), r.axis) == axes.end()) axes.push_back(r.axis);
  for (const std::string_view axis : axes) all += (all.empty() ? "" : " with ") + axis_text(list, axis, lengths);
  return all.empty() ? "full" : all;
}
inline std::string text(const auto& list) { return text(list, lengths_text(list)); }

}  // namespace stages

/// Stages made at run time. Keeps alive the rules that it borrows from.
class stage_list {
 public:
  /// The shares must add up to 1. Throws input_error if they do not.
  explicit stage_list(std::vector<stage_rule> list, std::vector<custom_rule> keeps_alive = {})
      : list_(std::move(list)), keeps_alive_(std::move(keeps_alive)) {
    fraction_sum sum;
    for (const stage_rule& s : list_) sum.add(s.share);
    if (!sum.is_one()) errors::shares_do_not_add_up(sum.text());
  }
  const stage_rule& at(const run_position& now) const { return stages::at(list_, now); }
  std::int64_t stage_end(std::int64_t step, std::int64_t total) const { return stages::end_of_stage(list_, step, total); }
  std::string text() const { return stages::text(list_); }

 private:
  std::vector<stage_rule> list_;
  std::vector<custom_rule> keeps_alive_;
};

}  // namespace raptr
