// SPDX-License-Identifier: Apache-2.0
// The line between the program and the kinds of networks it can train. Each kind is a template of the library that is
// instantiated in a file of its own, so that the program itself compiles in seconds.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include <raptr/subnet/schedule/stage_table.hpp>
#include <raptr/text/token_stream.hpp>
#include <raptr/train/trainer.hpp>

#include "settings.hpp"

namespace program {

using tokens = raptr::token_range<raptr::token_stream>;

/// Of one training step.
struct step_price {
  double block_flops = 0, total_flops = 0, activation_bytes = 0;
};

class network_trainer {
 public:
  virtual ~network_trainer() = default;
  virtual std::string device() const = 0;
  virtual double peak_flops() const = 0;  // of all threads, measured
  virtual std::int64_t parameters() const = 0;
  virtual std::vector<raptr::stage_summary> stages() const = 0;
  /// Of a step as it will be drawn, or of one with the full network. Throws input_error if the text does not fill one window.
  virtual step_price price(const tokens& text, std::optional<std::int64_t> step) const = 0;
  virtual std::int64_t steps_done() const = 0;
  virtual bool fills_a_window(std::int64_t size) const = 0;

  virtual bool run(const tokens& text, const raptr::run_options& options, const std::function<void(const raptr::step_report&)>& watch) = 0;
  virtual double evaluate(const tokens& text) = 0;
  virtual void save(const std::filesystem::path& folder) = 0;
  virtual void load(const std::filesystem::path& folder) = 0;
};

/// Throw input_error if the options do not fit together.
std::unique_ptr<network_trainer> make_causal_trainer(const settings& s);
std::unique_ptr<network_trainer> make_masked_trainer(const settings& s);

}  // namespace program
