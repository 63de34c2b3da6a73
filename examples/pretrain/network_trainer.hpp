// SPDX-License-Identifier: Apache-2.0
// The interface between the program and the kinds of networks it can train. Each kind is a template of the library,
// instantiated in a separate file, so that the program itself compiles in seconds.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include <raptr/data/any_tokens.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/nn/batch.hpp>
#include <raptr/schedule/any_schedule.hpp>
#include <raptr/schedule/stage_table.hpp>
#include <raptr/train/trainer.hpp>

#include "settings.hpp"

namespace program {

using tokens = raptr::token_range<raptr::any_tokens>;

/// The estimated cost of one training step.
struct step_estimate {
  double block_flops = 0, total_flops = 0, activation_bytes = 0;
};

class network_trainer {
 public:
  virtual ~network_trainer() = default;
  virtual std::string device() const = 0;
  virtual double peak_flops() const = 0;  // of all threads, measured
  virtual std::int64_t parameters() const = 0;
  virtual const raptr::any_schedule& schedule() const = 0;
  virtual raptr::network_layout layout() const = 0;
  /// A micro-batch. Throws input_error if the text does not fill one window.
  virtual raptr::batch sample(const tokens& text) const = 0;
  /// The cost of a step of such micro-batches.
  virtual step_estimate estimate(const raptr::batch& micro_batch, const raptr::step_plan& plan) const = 0;
  /// Times the same step, in seconds: the minimum of several. Changes weights and moments.
  virtual double seconds_of(const raptr::batch& micro_batch, const raptr::step_plan& plan) = 0;
  virtual std::int64_t steps_done() const = 0;
  virtual bool fills_a_window(std::int64_t size) const = 0;

  virtual bool run(const tokens& text, const raptr::run_options& options, const std::function<void(const raptr::step_report&)>& watch) = 0;
  virtual double evaluate(const tokens& text) = 0;
  virtual void save(const std::filesystem::path& folder) = 0;
  virtual void load(const std::filesystem::path& folder) = 0;
  /// Loads the weights of a Hugging Face folder. Returns their checksum.
  virtual std::string start_from(const std::filesystem::path& folder) = 0;
};

/// Throw input_error if the options do not fit together.
std::unique_ptr<network_trainer> make_causal_trainer(const settings& s);
std::unique_ptr<network_trainer> make_masked_trainer(const settings& s);

}  // namespace program
