// SPDX-License-Identifier: Apache-2.0
// summary.json: what a finished run was, cost and reached. It is the last file of a run, so it marks the run as finished.
#pragma once

#include <raptr/run/metrics.hpp>
#include <raptr/run/plan_table.hpp>
#include <raptr/run/run_files.hpp>

namespace raptr {

/// schedule: its text as given. floor: without context, on the targets of the validation loss, if there is one.
inline json summary_of(const any_trainer& trainer, const std::string& schedule, const run_plan& plan, const run_sums& sums,
                       const std::optional<unigram_losses>& floor = {}) {
  const auto or_null = [](const std::optional<double>& x) { return x ? json(*x) : json(nullptr); };
  const std::int64_t steps = trainer.options().steps;
  return {{"format", 1},
          {"steps", steps},
          {"schedule", schedule},
          {"parameters", trainer.parameters()},
          {"loss", or_null(sums.loss)},
          {"validation_loss", or_null(sums.validation_loss)},
          {"unigram_loss", floor ? json(floor->unigram) : json(nullptr)},
          {"visible_token_loss", floor ? or_null(floor->visible_token) : json(nullptr)},
          {"tokens", sums.tokens},
          {"skipped_steps", sums.skipped},
          {"block_flops", sums.block_flops},
          {"total_flops", sums.total_flops},
          {"full_block_flops", plan.full_block_flops},
          {"full_total_flops", plan.full_total_flops},
          {"checkpoint", "checkpoints/" + step_name(steps)},
          {"device", trainer.device()},
          {"training_seconds", sums.seconds}};
}

/// What a validation loss is compared with, as in "unigram loss 3.1823, with the visible token 2.9051".
inline std::string floor_text(const unigram_losses& floor) {
  return "unigram loss " + fixed_text(floor.unigram, 4) +
         (floor.visible_token ? ", with the visible token " + fixed_text(*floor.visible_token, 4) : "");
}

/// One line about a finished run, without line end.
inline std::string summary_line(std::int64_t steps, const run_sums& sums, const std::optional<unigram_losses>& floor = {}) {
  return count_text(steps) + " steps in " + duration_text(sums.seconds) + ", loss " + (sums.loss ? fixed_text(*sums.loss, 4) : "-") +
         (sums.validation_loss ? ", validation loss " + fixed_text(*sums.validation_loss, 4) : "") +
         (sums.validation_loss && floor ? " (" + floor_text(*floor) + ")" : "") + ", " + scaled_text(sums.block_flops) + " block FLOPs, " +
         scaled_text(sums.total_flops) + " in all" + (sums.skipped ? ", " + count_text(sums.skipped) + " steps skipped" : "");
}

}  // namespace raptr
