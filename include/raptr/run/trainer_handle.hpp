// SPDX-License-Identifier: Apache-2.0
// any_trainer for one type of trainer. A program that trains several kinds of models instantiates each in a file of its own.
#pragma once

#include <chrono>
#include <type_traits>
#include <utility>

#include <raptr/checkpoint/checkpoint.hpp>
#include <raptr/run/any_trainer.hpp>
#include <raptr/schedule/cost.hpp>

namespace raptr {

/// Trainer: a trainer that the handle owns, or T& for one that outlives it.
template <class Trainer> class trainer_handle final : public any_trainer {
  using trainer_type = std::remove_reference_t<Trainer>;
  using model_type = std::remove_reference_t<decltype(std::declval<trainer_type&>().model())>;
  using objective = typename model_type::objective_type;
  using rule = std::remove_cvref_t<decltype(std::declval<trainer_type&>().optimizer().rule())>;

 public:
  /// options: of the run. Throws input_error if they are out of range, or the schedule does not fit the model.
  trainer_handle(Trainer&& trainer, run_options options)
      : trainer_(std::forward<Trainer>(trainer)), schedule_(trainer_.schedule()), options_(std::move(options)) {
    options_.check();
    check_schedule(schedule_, layout(), options_.steps, model_type::block::residual::norm_first);
    if (options_.rank_plans != plans_of_ranks::shared) check_equal_parts(schedule_, layout(), options_.steps);
  }

  std::string device() const override { return model().ops().description(); }
  std::int64_t parameters() const override { return model().layout().parameters(); }
  std::string architecture() const override {
    return with_family_of_files<typename model_type::block>(
        model().shape(), [&]<class Family>() { return std::string(Family::architecture(checkpoint::is_whole(model()))); });
  }
  const any_schedule& schedule() const override { return schedule_; }
  const run_options& options() const override { return options_; }
  network_layout layout() const override { return model().plan_layout(options_.batch * options_.accumulate); }
  json settings() const override {
    json all = shape_to_json<typename model_type::block, objective>(model().shape());
    all.erase("format");
    all.update({{"parameters", parameters()},
                {"schedule", schedule_text()},
                {"steps", options_.steps},
                {"batch", options_.batch},
                {"accumulate", options_.accumulate},
                {"seed", options_.seed},
                {"clip", options_.clip},
                {"validate_every", options_.validate_every},
                {"weight_decay", trainer_.optimizer().rule().weight_decay},
                {"block_flops_ratio", block_flops_ratio(schedule_, layout(), options_.steps)}});
    if (options_.rank_plans != plans_of_ranks::shared) all["rank_plans"] = std::string(name_of(options_.rank_plans));  // earlier versions have none
    if constexpr (requires { trainer_.optimizer().rule().settings(); }) all["optimizer"] = trainer_.optimizer().rule().settings();
    if constexpr (requires { model().objective().settings(); }) all["objective_settings"] = model().objective().settings();
    for (const std::int64_t step : {std::int64_t{0}, options_.steps / 2, options_.steps - 1}) all["learning_rates"].push_back(learning_rate(step));
    return all;
  }
  batch sample(const any_tokens& text) const override {
    windows<any_tokens, objective> cut(text, model().objective(), model().shape().context);
    batch data;
    for (int slot = 0; slot < options_.batch; ++slot) cut.add(data, slot % cut.count(), 0, slot);
    data.normaliser = (std::max)(1.0, data.target_weight() * double(options_.accumulate));
    return data;
  }
  step_estimate estimate(const batch& data, const step_plan& plan) const override {
    active_layout active;
    active.lower(model().layout(), plan);
    const step_size size{std::ssize(data.ids) * options_.accumulate, std::ssize(data.targets) * options_.accumulate,
                         model_type::head::flops_per_target(model().shape()), double(active.size), rule::flops};
    const auto cost = cost_of(block_flops_of(plan), size, model().shape());
    return {cost.blocks, cost.total, double(model().activation_bytes(plan, data))};
  }
  double seconds_of(const batch& data, const step_plan& plan, const std::stop_token& stop) override {
    using clock = std::chrono::steady_clock;
    model_type& m = trainer_.model();
    if (!m.initialised()) m.initialise(options_.seed);
    double best = 0;
    for (int round = 0; round < 4; ++round) {  // the first round is a warm-up
      const auto start = clock::now();
      m.begin(plan);
      for (int k = 0; k < options_.accumulate; ++k) throw_if_stopped(stop), m.accumulate(plan, data);
      trainer_.optimizer().step(m, trainer_.optimizer().rule().lr, options_.clip);
      (void)m.loss();  // waits
      const double seconds = std::chrono::duration<double>(clock::now() - start).count();
      if (round == 1 || (round > 1 && seconds < best)) best = seconds;
    }
    return best;
  }
  double learning_rate(std::int64_t step) const override {
    return trainer_.learning_rate(position_at(schedule_, step, options_.steps, model().shape()));
  }
  std::int64_t steps_done() const override { return trainer_.done().step; }
  bool fills_a_window(std::int64_t size, const vocabulary& ids) const override {
    return size >= window_of(model().objective(), model().shape().context, ids);
  }

  bool run(const any_tokens& text, const run_options& options, const std::function<void(const step_report&)>& watch) override {
    return trainer_.run(text, options, watch);
  }
  mean_loss evaluate(const any_tokens& text, std::int64_t most, const std::stop_token& stop) override {
    return trainer_.evaluate(text, options_.batch, most, 0, stop);
  }
  std::optional<unigram_losses> without_context(const any_tokens& training, const any_tokens& validation, std::int64_t most,
                                                const std::stop_token& stop) const override {
    return unigram_losses_of(training, validation, model().objective(), model().shape().context, most, 0, stop);
  }
  void save(const std::filesystem::path& folder, const vocabulary& tokens, const checkpoint_extras& extras) override {
    save_checkpoint(folder, trainer_, tokens, extras);
  }
  void load(const std::filesystem::path& folder) override { load_checkpoint(folder, trainer_); }

  trainer_type& trainer() { return trainer_; }

 private:
  const model_type& model() const { return trainer_.model(); }
  std::string schedule_text() const {
    try {
      return schedule_.text();
    } catch (const input_error&) {
      return "of no text";
    }
  }

  Trainer trainer_;
  any_schedule schedule_;
  run_options options_;
};

}  // namespace raptr
