// SPDX-License-Identifier: Apache-2.0
// A trainer of one kind of network, made from the options of the command line.
#pragma once

#include <raptr/backend/cpu/peak.hpp>
#include <raptr/backend/cpu/processors.hpp>
#include <raptr/checkpoint/hugging_face.hpp>
#include <raptr/comm/any_communicator.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>
#include <raptr/nn/objectives/ul2_text.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/run/trainer_handle.hpp>

#include "memory_needs.hpp"
#include "settings.hpp"

namespace program {

namespace errors {
[[noreturn]] inline void objective_takes_no_text(const std::string& objective, const std::string& text) {
  raptr::fail("--objective " + objective + " is followed by :" + raptr::shown(text) + ", and only ul2 has such a text: leave it out");
}
[[noreturn]] inline void option_of_masked_lm(const char* option, const std::string& objective) {
  raptr::fail("--" + std::string(option) + " is of the objective masked_lm, and that of this run is " + objective + ": leave it out");
}
}  // namespace errors

inline raptr::plans_of_ranks rank_plans_of(const settings& s) {
  using enum raptr::plans_of_ranks;
  return s.rank_plans == name_of(mean_over_trained) ? mean_over_trained : s.rank_plans == name_of(mean_over_all) ? mean_over_all : shared;
}
inline raptr::run_options run_options_of(const settings& s) {
  return {.steps = s.steps,
          .batch = int(s.batch),
          .accumulate = int(s.accumulate),
          .seed = static_cast<std::uint64_t>(s.seed),
          .clip = s.clip,
          .max_nonfinite = int(s.max_nonfinite),
          .validate_every = s.validate_every.value_or(0),
          .save_every = s.checkpoint_every.value_or(0),
          .allow_shrinking = s.allow_shrinking,
          .rank_plans = rank_plans_of(s)};
}
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
    if (s.rate_rule == "bert") return {raptr::bert_rate{warmup}};
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
  updates.sharded = s.shard_optimizer;
  return updates;
}
template <class Objective> Objective objective_of(const settings& s) {
  Objective objective;
  if constexpr (std::same_as<Objective, raptr::ul2>)
    objective = raptr::read_ul2(s.objective_text());
  else if (s.objective != Objective::name)
    errors::objective_takes_no_text(s.objective_name(), s.objective_text());
  if constexpr (std::same_as<Objective, raptr::masked_lm>) {
    if (s.masking == "whole-words") objective.masking = raptr::masking::whole_words;
    if (s.masking == "independent") objective.masking = raptr::masking::independent;
    if (s.frame != "automatic") objective.frame = s.frame == "none" ? raptr::framing::none : raptr::framing::cls_sep;
    objective.max_predictions = int(s.max_predictions);
    objective.inside_word = s.inside_word;
  } else {
    if (s.max_predictions > 0) errors::option_of_masked_lm("max-predictions", s.objective);
    if (s.frame != "automatic") errors::option_of_masked_lm("frame", s.objective);
  }
  return objective;
}
inline raptr::adamw optimizer_of(const settings& s) {
  raptr::adamw rule = s.optimizer == "bert-adam" ? raptr::bert_adam() : raptr::adamw{};
  rule.lr = s.learning_rate, rule.weight_decay = s.weight_decay.value_or(rule.weight_decay);
  return rule;
}

template <class Block, class Objective, class Device> struct network_of {
  using model_type = raptr::transformer<Block, Objective, Device>;
  using trainer_type = raptr::trainer<model_type, raptr::any_schedule, raptr::adamw, raptr::completep_rate<chosen_rate>, raptr::any_communicator>;
  using handle = raptr::trainer_handle<trainer_type>;
  static constexpr bool on_cpu = requires(typename model_type::options o) { o.threads; };

  static std::unique_ptr<raptr::any_trainer> make(const settings& s, const raptr::any_schedule& schedule, raptr::any_communicator& ranks) {
    typename model_type::options device{};
    if constexpr (on_cpu) device.threads = int(s.threads);
    model_type model(s.shape(), device, objective_of<Objective>(s));
    if (const memory_needs needs{.parameters = model.layout().size()}; on_cpu && !needs.fit()) raptr::fail(needs.text());
    raptr::check_schedule(schedule, model.plan_layout(int(s.batch * s.accumulate)), s.steps, Block::residual::norm_first);
    return std::make_unique<handle>(trainer_type(std::move(model), schedule, optimizer_of(s), rate_of(s), updates_of(s), ranks), run_options_of(s));
  }
  static std::string start_from(raptr::any_trainer& trainer, const std::filesystem::path& folder) {
    model_type& m = static_cast<handle&>(trainer).trainer().model();
    raptr::load_hugging_face(folder, m, trainer.options().seed);
    const auto weights = m.get_weights();
    std::uint32_t sum = raptr::crc32c(std::as_bytes(std::span(weights)));
    for (const auto& t : m.untrained()) sum = raptr::crc32c(std::as_bytes(std::span(t.values)), sum);
    return raptr::crc_text(sum);
  }
  static double peak_flops(int threads) {
    return on_cpu ? (threads ? threads : raptr::cpu_backend::available_threads()) * raptr::cpu_backend::measured_fma_peak() : 0;
  }
  static raptr::hugging_face_model describe(const raptr::json& config, const std::filesystem::path& file) {
    return raptr::hugging_face_config_of<raptr::family_of<Block>, Block>(config, file, 0, true);
  }
  static constexpr network_kind kind(std::string_view name) {
    using family = raptr::family_of<Block>;
    int (*neurons)(int) = nullptr;
    if constexpr (requires { family::neurons(1); }) neurons = family::neurons;
    return {name,       family::name, Objective::name, std::string_view(Device::name), raptr::vocabulary_file(family::tokenizer), describe, make,
            start_from, peak_flops,   neurons,         Block::positions::has_table};
  }
};

}  // namespace program
