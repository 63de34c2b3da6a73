// SPDX-License-Identifier: Apache-2.0
// A type-erased schedule, from any other schedule or from text, chosen at run time. It satisfies the same concept and gives
// the same plans, so the rest of the library treats it like any schedule. Copies share the schedule that they hold.
#pragma once

#include <memory>

#include <raptr/schedule/grammar/schedule_text.hpp>

namespace raptr {

class any_schedule {
 public:
  template <subnet_schedule S>
  requires(!std::same_as<S, any_schedule>) any_schedule(S one) : schedule_(std::make_shared<const holder<S>>(std::move(one))) {}
  /// The grammar is in schedule_text.hpp. Throws input_error with the position and what is allowed there.
  explicit any_schedule(std::string_view text, const text_options& options = {})
      : any_schedule(schedule_reader<any_schedule>(text, options).read()) {}

  stage_rule at(const run_position& now) const { return schedule_->at(now); }
  std::int64_t stage_end(std::int64_t step, std::int64_t total) const { return schedule_->stage_end(step, total); }
  std::int64_t rules_end(std::int64_t step, std::int64_t total) const { return schedule_->rules_end(step, total); }
  std::string text() const { return schedule_->text(); }
  std::vector<block_copy> growth(const run_position& now) const { return schedule_->growth(now); }
  unit_set network_at(const run_position& now) const { return schedule_->network_at(now); }

 private:
  struct base {
    virtual ~base() = default;
    virtual stage_rule at(const run_position& now) const = 0;
    virtual std::int64_t stage_end(std::int64_t step, std::int64_t total) const = 0;
    virtual std::int64_t rules_end(std::int64_t step, std::int64_t total) const = 0;
    virtual std::string text() const = 0;
    virtual std::vector<block_copy> growth(const run_position& now) const = 0;
    virtual unit_set network_at(const run_position& now) const = 0;
  };
  template <class S> struct holder final : base {
    [[no_unique_address]] S schedule;
    explicit holder(S s) : schedule(std::move(s)) {}
    stage_rule at(const run_position& now) const override { return schedule.at(now); }
    std::int64_t stage_end(std::int64_t step, std::int64_t total) const override { return raptr::stage_end(schedule, step, total); }
    std::int64_t rules_end(std::int64_t step, std::int64_t total) const override { return raptr::rules_end(schedule, step, total); }
    std::string text() const override { return text_of(schedule); }
    std::vector<block_copy> growth(const run_position& now) const override { return growth_of(schedule, now); }
    unit_set network_at(const run_position& now) const override { return network_of(schedule, now); }
  };
  std::shared_ptr<const base> schedule_;
};

}  // namespace raptr
