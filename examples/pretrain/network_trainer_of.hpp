// SPDX-License-Identifier: Apache-2.0
// network_trainer for one kind of network.
#pragma once

#include <unistd.h>

#include <chrono>

#include <raptr/backend/cpu.hpp>
#include <raptr/backend/cpu/peak.hpp>
#include <raptr/checkpoint/checkpoint.hpp>
#include <raptr/checkpoint/hugging_face.hpp>
#include <raptr/optim/adamw.hpp>

#include "schedule.hpp"

namespace program {

namespace errors {
[[noreturn]] inline void model_is_larger_than_the_memory(std::int64_t parameters, double needed, double there) {
  raptr::fail("a model of " + count_text(parameters) + " parameters needs " + bytes_text(needed) +
              " for weights, gradients and moments, and this machine has " + bytes_text(there) + ": reduce --width, --layers, --neurons or --vocab");
}
}  // namespace errors

/// A learning-rate rule chosen at run time.
struct chosen_rate {
  std::function<double(const raptr::run_position&)> rule;
  double operator()(const raptr::run_position& now) const { return rule(now); }
};
inline raptr::completep_rate<chosen_rate> rate_of(const settings& s) {
  const auto picked = [&]() -> chosen_rate {
    const std::int64_t warmup = s.warmup.value_or(0);
    if (s.rate_rule == "constant") return {raptr::constant_rate{warmup}};
    if (s.rate_rule == "linear") return {raptr::warmup_linear{warmup}};
    if (s.rate_rule == "cosine") return {raptr::warmup_cosine{warmup}};
    if (s.rate_rule == "wsd") return {raptr::warmup_stable_decay{warmup}};
    return {raptr::decay_in_last_stage{warmup}};
  }();
  if (s.rewarm == 0) return {picked, s.completep_rate};
  return {{raptr::rewarm_each_stage<chosen_rate>{picked, s.rewarm}}, s.completep_rate};
}
inline raptr::update_options updates_of(const settings& s) {
  raptr::update_options updates{.dropped = raptr::dropped_update::frozen};
  if (s.dropped_update == "zero_gradient") updates.dropped = raptr::dropped_update::zero_gradient;
  if (s.dropped_update == "decay_only") updates.dropped = raptr::dropped_update::decay_only;
  if (s.at_borders == "reset") updates.at_borders = raptr::border_state::reset;
  if (s.grown == "reset") updates.grown = raptr::grown_state::reset;
  return updates;
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
  const raptr::any_schedule& schedule() const override { return trainer_.schedule(); }
  raptr::network_layout layout() const override { return model().plan_layout(int(s_.batch * s_.accumulate)); }
  raptr::batch sample(const tokens& text) const override {
    raptr::windows<tokens, Objective> cut(text, model().objective(), model().shape().context);
    raptr::batch data;
    for (int slot = 0; slot < s_.batch; ++slot) cut.add(data, slot % cut.count(), 0, slot);
    data.normaliser = (std::max)(1.0, data.target_weight() * double(s_.accumulate));
    return data;
  }
  step_estimate estimate(const raptr::batch& data, const raptr::step_plan& plan) const override {
    raptr::active_layout active;
    active.lower(model().layout(), plan);
    const raptr::step_size size{std::ssize(data.ids) * s_.accumulate, std::ssize(data.targets) * s_.accumulate,
                                model_type::head::flops_per_target(model().shape()), double(active.size), optimizer_type::flops};
    const auto cost = raptr::cost_of(raptr::block_flops_of(plan), size, model().shape());
    return {cost.blocks, cost.total, double(model().activation_bytes(plan, data))};
  }
  double seconds_of(const raptr::batch& data, const raptr::step_plan& plan) override {
    using clock = std::chrono::steady_clock;
    model_type& m = trainer_.model();
    if (!m.initialised()) m.initialise(static_cast<std::uint64_t>(s_.seed));
    double best = 0;
    for (int round = 0; round < 4; ++round) {  // the first round is a warm-up
      const auto start = clock::now();
      m.begin(plan);
      for (std::int64_t k = 0; k < s_.accumulate; ++k) m.accumulate(plan, data);
      trainer_.optimizer().step(m, s_.learning_rate, s_.clip);
      (void)m.loss();  // waits
      const double seconds = std::chrono::duration<double>(clock::now() - start).count();
      if (round == 1 || (round > 1 && seconds < best)) best = seconds;
    }
    return best;
  }
  std::int64_t steps_done() const override { return trainer_.done().step; }
  bool fills_a_window(std::int64_t size) const override { return size >= Objective::window(int(s_.context)); }

  bool run(const tokens& text, const raptr::run_options& options, const std::function<void(const raptr::step_report&)>& watch) override {
    return trainer_.run(text, options, watch);
  }
  double evaluate(const tokens& text) override { return trainer_.evaluate(text, int(s_.batch), s_.validation_windows); }
  void save(const std::filesystem::path& folder) override { raptr::save_checkpoint(folder, trainer_, s_.ids); }
  void load(const std::filesystem::path& folder) override { raptr::load_checkpoint(folder, trainer_); }
  std::string start_from(const std::filesystem::path& folder) override {
    model_type& m = trainer_.model();
    raptr::load_hugging_face(folder, m);
    const auto weights = m.get_weights();
    std::uint32_t sum = raptr::crc32c(std::as_bytes(std::span(weights)));
    for (const auto& t : m.untrained()) sum = raptr::crc32c(std::as_bytes(std::span(t.values)), sum);
    return raptr::crc_text(sum);
  }

 private:
  using trainer_type = raptr::trainer<model_type, raptr::any_schedule, optimizer_type, raptr::completep_rate<chosen_rate>>;

  static trainer_type make(const settings& s, Objective objective) {
    auto schedule = schedule_of(s);
    model_type model(s.shape(), {.threads = int(s.threads)}, std::move(objective));
    const auto layout = model.plan_layout(int(s.batch * s.accumulate));
    check(s, schedule, layout, Block::residual::norm_first);
    const double needed = 16.0 * double(model.layout().size()), there = double(::sysconf(_SC_PHYS_PAGES)) * double(::sysconf(_SC_PAGESIZE));
    if (needed > there) errors::model_is_larger_than_the_memory(model.layout().size(), needed, there);
    return {std::move(model), std::move(schedule), optimizer_type{.lr = s.learning_rate, .weight_decay = s.weight_decay}, rate_of(s), updates_of(s)};
  }
  const model_type& model() const { return trainer_.model(); }

  settings s_;
  trainer_type trainer_;
};

}  // namespace program
