// SPDX-License-Identifier: Apache-2.0
// A trainer of a tiny model for tests of the loop, its options, and everything that a step may change, as one list.
#pragma once

#include <raptr/models/families.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/optim/sgd.hpp>
#include <raptr/schedule/any_schedule.hpp>
#include <raptr/train/trainer.hpp>

#include "small_model.hpp"
#include "token_list.hpp"

namespace raptr::testing {

inline constexpr model_shape run_shape{.layers = 4, .width = 8, .heads = 2, .neurons = 12, .neuron_group = 4, .vocab = 40, .context = 8};

template <class Device, class Block = gpt2_block, class Objective = causal_lm> struct small_run {
  using model_type = transformer<Block, Objective, Device>;
  using trainer_type = raptr::trainer<model_type, any_schedule, adamw, warmup_linear>;
  using master = typename model_type::master;
  trainer_type trainer;

  explicit small_run(const char* schedule = "2-3-full", dropped_update dropped = dropped_update::frozen, const adamw& rule = {.lr = 1e-2},
                     const model_shape& shape = run_shape, typename model_type::options device = small_options<Device>(), Objective objective = {})
      : trainer(model_type(shape, device, objective), any_schedule(schedule), rule, warmup_linear{.warmup = 5}, update_options{.dropped = dropped}) {}

  /// Weights, moments and counts. Memory that no tensor uses is not among them.
  std::vector<double> state() {
    auto& model = trainer.model();
    const auto w = model.get_weights();
    std::vector<double> all;
    const auto append = [&](const auto& arena) {
      for (const placed_weight& p : model.layout().all()) all.insert(all.end(), arena.begin() + p.first, arena.begin() + p.first + p.size());
    };
    append(w);
    for (int k = 0; k < 2; ++k) append(download(model.ops(), static_cast<const master*>(trainer.optimizer().moment(k)), w.size()));
    for (const int n : download(model.ops(), static_cast<const int*>(trainer.optimizer().counts()), trainer.optimizer().counts_size()))
      all.push_back(n);
    return all;
  }
};

/// All of a report but the time.
inline std::string facts_of(const step_report& r) {
  char line[400];
  std::snprintf(line, sizeof line, "%lld/%lld stage %d/%d blocks %d loss %a rate %a norm %a tokens %lld targets %lld flops %a %a bad %s val %a",
                static_cast<long long>(r.step), static_cast<long long>(r.total), r.stage, r.stages, r.active_blocks, r.loss, r.learning_rate,
                r.gradient_norm, static_cast<long long>(r.tokens), static_cast<long long>(r.targets), r.block_flops, r.total_flops,
                r.nonfinite.c_str(), r.validation_loss.value_or(-1));
  return line;
}

}  // namespace raptr::testing
