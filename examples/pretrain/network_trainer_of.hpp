// SPDX-License-Identifier: Apache-2.0
// network_trainer for one kind of network.
#pragma once

#include <unistd.h>

#include <raptr/backend/cpu.hpp>
#include <raptr/backend/cpu/peak.hpp>
#include <raptr/subnet/named_rule.hpp>
#include <raptr/subnet/schedule/any_schedule.hpp>
#include <raptr/subnet/schedule/progressive.hpp>
#include <raptr/text/byte_tokenizer.hpp>
#include <raptr/train/checkpoint.hpp>

#include "../support/numbers.hpp"
#include "network_trainer.hpp"

namespace program {

namespace errors {
[[noreturn]] inline void model_is_larger_than_the_memory(std::int64_t parameters, double needed, double there) {
  raptr::fail("a model of " + count_text(parameters) + " parameters needs " + bytes_text(needed) +
              " for weights, gradients and moments, and this machine has " + bytes_text(there) +
              ": make --width, --layers, --neurons or --vocab smaller");
}
[[noreturn]] inline void schedule_shrinks(const std::string& text) {
  raptr::fail("a stage of --schedule \"" + raptr::shown(text) +
              "\" trains less than the one before it: put the sizes in growing order, or give --allow-shrinking");
}
}  // namespace errors

/// A rate rule picked at run time.
struct chosen_rate {
  std::function<double(const raptr::moment&)> rule;
  double operator()(const raptr::moment& now) const { return rule(now); }
};
inline chosen_rate rate_of(const settings& s) {
  const auto picked = [&]() -> chosen_rate {
    const std::int64_t warmup = s.warmup.value_or(0);
    if (s.rate_rule == "constant") return {raptr::constant_rate{warmup}};
    if (s.rate_rule == "linear") return {raptr::warmup_linear{warmup}};
    if (s.rate_rule == "cosine") return {raptr::warmup_cosine{warmup}};
    if (s.rate_rule == "wsd") return {raptr::warmup_stable_decay{warmup}};
    return {raptr::decay_in_last_stage{warmup}};
  }();
  if (s.rewarm == 0) return picked;
  return {raptr::rewarm_each_stage<chosen_rate>{picked, s.rewarm}};
}
inline raptr::any_schedule schedule_of(const settings& s) {
  const raptr::fixed always{int(s.keep_first), int(s.keep_last)};
  raptr::text_options options{
      .rules = {raptr::named_rule(raptr::rule_of<raptr::layer_drop>(), {.selector = s.selector, .scale = s.scale, .always = always})},
      .allow_shrinking = s.allow_shrinking};
  try {
    return raptr::any_schedule(s.schedule, options);
  } catch (const raptr::input_error&) {
    if (options.allow_shrinking) throw;
    options.allow_shrinking = true;
    (void)raptr::any_schedule(s.schedule, options);  // throws if that is not the reason
    errors::schedule_shrinks(s.schedule);
  }
}
inline raptr::dropped_update dropped_of(const settings& s) {
  if (s.dropped_update == "frozen") return raptr::dropped_update::frozen;
  return s.dropped_update == "zero_gradient" ? raptr::dropped_update::zero_gradient : raptr::dropped_update::decay_only;
}

template <class Block, class Objective> class network_trainer_of final : public network_trainer {
  using model_type = raptr::transformer<Block, Objective, raptr::cpu>;
  using optimizer_type = raptr::adamw;

 public:
  network_trainer_of(const settings& s, Objective objective) : s_(s), trainer_(make(s, std::move(objective))) {}

  std::string device() const override { return model().ops().description(); }
  double peak_flops() const override {
    const int threads = s_.threads ? int(s_.threads) : raptr::cpu_backend::available_threads();
    return threads * raptr::cpu_backend::measured_fma_peak();
  }
  std::int64_t parameters() const override { return model().layout().parameters(); }
  std::vector<raptr::stage_summary> stages() const override { return raptr::stage_table(trainer_.schedule(), layout(), s_.steps); }
  step_price price(const tokens& text, std::optional<std::int64_t> step) const override {
    raptr::windows<tokens, Objective> cut(text, model().objective(), model().shape().context);
    raptr::batch data;
    for (int slot = 0; slot < s_.batch; ++slot) cut.add(data, slot % cut.count(), 0, slot);
    auto plan = raptr::step_plan::full(layout());
    if (step) raptr::plan_into(plan, trainer_.schedule(), {.seed = std::uint64_t(s_.seed), .step = std::uint64_t(*step)}, s_.steps);
    raptr::active_layout active;
    active.lower(model().layout(), plan);
    const raptr::step_size size{std::ssize(data.ids) * s_.accumulate, std::ssize(data.targets) * s_.accumulate,
                                model_type::head::flops_per_target(model().shape()), double(active.size), optimizer_type::flops};
    const auto cost = raptr::cost_of(raptr::block_flops_of(plan), size, model().shape());
    return {cost.blocks, cost.total, double(model().activation_bytes(plan, data))};
  }
  std::int64_t steps_done() const override { return trainer_.done().step; }
  bool fills_a_window(std::int64_t size) const override { return size >= Objective::window(int(s_.context)); }

  bool run(const tokens& text, const raptr::run_options& options, const std::function<void(const raptr::step_report&)>& watch) override {
    return trainer_.run(text, options, watch);
  }
  double evaluate(const tokens& text) override { return trainer_.evaluate(text, int(s_.batch), s_.validation_windows); }
  void save(const std::filesystem::path& folder) override { raptr::save_checkpoint(folder, trainer_, raptr::byte_tokenizer::vocabulary()); }
  void load(const std::filesystem::path& folder) override { raptr::load_checkpoint(folder, trainer_); }

 private:
  using trainer_type = raptr::trainer<model_type, raptr::any_schedule, optimizer_type, chosen_rate>;

  static trainer_type make(const settings& s, Objective objective) {
    auto schedule = schedule_of(s);
    model_type model(s.shape(), {.threads = int(s.threads)}, std::move(objective));
    const auto layout = model.plan_layout(int(s.batch * s.accumulate));
    raptr::check_schedule(schedule, layout, s.steps, Block::residual::norm_first);
    if (!s.allow_shrinking && !raptr::never_shrinks(schedule, layout, s.steps)) errors::schedule_shrinks(s.schedule);
    const double needed = 16.0 * double(model.layout().size()), there = double(::sysconf(_SC_PHYS_PAGES)) * double(::sysconf(_SC_PAGESIZE));
    if (needed > there) errors::model_is_larger_than_the_memory(model.layout().size(), needed, there);
    return {std::move(model),
            std::move(schedule),
            optimizer_type{.lr = s.learning_rate, .weight_decay = s.weight_decay},
            rate_of(s),
            {.dropped = dropped_of(s)}};
  }
  const model_type& model() const { return trainer_.model(); }
  raptr::network_layout layout() const { return model().plan_layout(int(s_.batch * s_.accumulate)); }

  settings s_;
  trainer_type trainer_;
};

}  // namespace program
