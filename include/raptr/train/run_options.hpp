// SPDX-License-Identifier: Apache-2.0
// The options of a run: how long, in which batches, and when it validates, saves and stops.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include <raptr/base/decimal.hpp>
#include <raptr/train/error.hpp>
#include <raptr/train/mean_loss.hpp>

namespace raptr {

/// Which parts the ranks of a run train in a step: one that they share, or each its own of equal size. Then the gradient of a weight is the
/// mean over the targets of the ranks that trained it, or over those of all ranks, to which the others contribute 0.
enum class plans_of_ranks { shared, mean_over_trained, mean_over_all };
constexpr std::string_view name_of(plans_of_ranks kind) {
  return kind == plans_of_ranks::shared ? "shared" : kind == plans_of_ranks::mean_over_trained ? "mean_over_trained" : "mean_over_all";
}

struct run_options {
  std::int64_t steps = 1000;  // of the whole run, including those before a resume
  int batch = 16;             // sequences per micro-batch
  int accumulate = 1;         // micro-batches per step
  std::uint64_t seed = 1;
  double clip = 1.0;                      // largest global norm of the gradient; 0: none
  int max_nonfinite = 10;                 // consecutive non-finite steps after which the run ends with a training_error
  std::int64_t validate_every = 0;        // steps; 0: never
  std::function<mean_loss()> validate{};  // returns the validation loss, as evaluate() does, or throws `stopped`
  std::int64_t save_every = 0;            // steps; 0: never. The state of the last step is always saved
  std::int64_t also_save_every = 0;       // steps, besides save_every; 0: none
  std::function<void()> save{};           // called between two steps, after all reports so far were delivered
  std::stop_token stop{};                 // on a stop request the run ends after the current step, and saves
  double finish_within = 2;               // seconds: a longer step is then abandoned between two micro-batches, for the resumed run to repeat
  bool allow_shrinking = false;           // of a network that grows: a trained block may leave it or be overwritten by a copy
  plans_of_ranks rank_plans = plans_of_ranks::shared;

  /// Throws input_error with the name and the value of the first option that is out of range.
  void check() const {
    const auto at_least = [](const char* name, auto value, auto least) {
      if (value < least) errors::run_option_is_out_of_range(name, std::to_string(value), "at least " + std::to_string(least));
    };
    at_least("steps", steps, std::int64_t{1});
    at_least("batch", batch, 1);
    at_least("accumulate", accumulate, 1);
    at_least("max_nonfinite", max_nonfinite, 1);
    at_least("validate_every", validate_every, std::int64_t{0});
    at_least("save_every", save_every, std::int64_t{0});
    at_least("also_save_every", also_save_every, std::int64_t{0});
    if (!(finish_within >= 0)) errors::run_option_is_out_of_range("finish_within", decimal_text(finish_within), "0 or more seconds");
    if (!(clip >= 0)) errors::run_option_is_out_of_range("clip", decimal_text(clip), "0 for none, or the largest norm of the gradient");
  }
};

}  // namespace raptr
