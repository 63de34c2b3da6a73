// SPDX-License-Identifier: Apache-2.0
// Stages in order, each with its share of the steps: how a list of stages answers, whether the compiler wrote it or a
// program did.
#pragma once

#include <numeric>
#include <vector>

#include <raptr/subnet/schedule/moment.hpp>

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
constexpr const stage_rule& at(const auto& list, const moment& now) {
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

/// "@1:3" for stages of 1/4 and 3/4; nothing for equal ones.
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
/// "6-8-10-12", "6-12@1:3", "constant:9", "full". Policies are not part of the text: a word has one meaning.
inline std::string text(const auto& list) {
  const drop_rule* meaning = nullptr;
  std::string sizes;
  for (const stage_rule& s : list) {
    const drop_rule* const rule = s.find(layers::name);
    if (rule && meaning && (rule->name != meaning->name || !rule->same_policies(*meaning))) errors::schedule_has_no_text();
    if (rule) meaning = rule;
    if (&s != &*list.begin()) sizes += "-";
    sizes += (rule ? rule->kept : amount{}).text();
  }
  if (!meaning) return "full";
  const std::string word = meaning->name == layers::name ? "" : std::string(meaning->name) + " ";
  return word + (list.size() == 1 ? "constant:" : "") + sizes + lengths_text(list);
}

}  // namespace stages

/// Stages that a program made. It keeps alive the rules that it borrows from.
class stage_list {
 public:
  /// The shares must add up to 1. Throws input_error if they do not.
  explicit stage_list(std::vector<stage_rule> list, std::vector<custom_rule> keeps_alive = {})
      : list_(std::move(list)), keeps_alive_(std::move(keeps_alive)) {
    fraction_sum sum;
    for (const stage_rule& s : list_) sum.add(s.share);
    if (!sum.is_one()) errors::shares_do_not_add_up(sum.text());
  }
  const stage_rule& at(const moment& now) const { return stages::at(list_, now); }
  std::int64_t stage_end(std::int64_t step, std::int64_t total) const { return stages::end_of_stage(list_, step, total); }
  std::string text() const { return stages::text(list_); }

 private:
  std::vector<stage_rule> list_;
  std::vector<custom_rule> keeps_alive_;
};

}  // namespace raptr
