// SPDX-License-Identifier: Apache-2.0
// A trainer of any model, schedule, optimizer and device behind one interface, so that the folder of a run, its log and its plan
// are compiled once and not for each of them.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <raptr/checkpoint/checkpoint_extras.hpp>
#include <raptr/data/any_tokens.hpp>
#include <raptr/data/unigram_loss.hpp>
#include <raptr/io/json.hpp>
#include <raptr/nn/batch.hpp>
#include <raptr/schedule/any_schedule.hpp>
#include <raptr/train/trainer.hpp>

namespace raptr {

/// The estimated cost of one training step.
struct step_estimate {
  double block_flops = 0, total_flops = 0, activation_bytes = 0;
};

class any_trainer {
 public:
  virtual ~any_trainer() = default;
  virtual std::string device() const = 0;
  virtual std::int64_t parameters() const = 0;
  /// The class of transformers that opens a checkpoint; empty: none, as only this library knows the format.
  virtual std::string architecture() const = 0;
  virtual const any_schedule& schedule() const = 0;
  /// What a resumed run must have in common with the one before: model, schedule, learning rates.
  virtual json settings() const = 0;
  virtual const run_options& options() const = 0;
  virtual network_layout layout() const = 0;
  /// A micro-batch. Throws input_error if the text does not fill one window.
  virtual batch sample(const any_tokens& text) const = 0;
  /// The cost of a step of such micro-batches.
  virtual step_estimate estimate(const batch& micro_batch, const step_plan& plan) const = 0;
  /// Times the same step, in seconds: the minimum of several. Changes weights and moments. Throws stopped on a request.
  virtual double seconds_of(const batch& micro_batch, const step_plan& plan, const std::stop_token& stop) = 0;
  /// Of a step of the run.
  virtual double learning_rate(std::int64_t step) const = 0;
  virtual std::int64_t steps_done() const = 0;
  virtual bool fills_a_window(std::int64_t size, const vocabulary& ids) const = 0;

  /// Options may differ from options() only in what is not part of the result: when to validate and save, and when to stop.
  virtual bool run(const any_tokens& text, const run_options& options, const std::function<void(const step_report&)>& watch) = 0;
  /// The loss of the full network; see trainer::evaluate().
  virtual mean_loss evaluate(const any_tokens& text, std::int64_t windows, const std::stop_token& stop) = 0;
  /// The losses without context on the same targets; see unigram_losses_of().
  virtual std::optional<unigram_losses> without_context(const any_tokens& training, const any_tokens& validation, std::int64_t windows,
                                                        const std::stop_token& stop) const = 0;
  virtual void save(const std::filesystem::path& folder, const vocabulary& tokens, const checkpoint_extras& extras) = 0;
  virtual void load(const std::filesystem::path& folder) = 0;
};

}  // namespace raptr
