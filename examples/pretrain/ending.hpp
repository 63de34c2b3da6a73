// SPDX-License-Identifier: Apache-2.0
// The final files and messages of a run.
#pragma once

#include "../support/curves.hpp"
#include "../support/process.hpp"
#include "../support/run_files.hpp"
#include "plan_table.hpp"

namespace program {

inline raptr::json summary_of(const network_trainer& network, const settings& s, const run_plan& plan, const run_sums& sums) {
  const auto or_null = [](const std::optional<double>& x) { return x ? raptr::json(*x) : raptr::json(nullptr); };
  return {{"format", 1},
          {"steps", s.steps},
          {"schedule", s.schedule},
          {"parameters", network.parameters()},
          {"loss", or_null(sums.loss)},
          {"validation_loss", or_null(sums.validation_loss)},
          {"tokens", sums.tokens},
          {"skipped_steps", sums.skipped},
          {"block_flops", sums.block_flops},
          {"total_flops", sums.total_flops},
          {"full_block_flops", plan.full_block_flops},
          {"full_total_flops", plan.full_total_flops},
          {"checkpoint", "checkpoints/" + raptr::step_name(s.steps)},
          {"device", network.device()},
          {"training_seconds", sums.seconds}};
}
/// summary.json is written last: it marks the run as finished.
inline void finish(const run_files& files, const network_trainer& network, const settings& s, const run_plan& plan) {
  const auto steps = read_metrics(files.metrics()).steps;
  const run_sums sums = sums_of(steps);
  raptr::replace_file(files.curves(), curves_svg(s.objective + ", " + std::to_string(s.layers) + " blocks, schedule " + s.schedule, {{"", steps}}));
  raptr::replace_file(files.summary(), raptr::json_text(summary_of(network, s, plan, sums)));
  say("Done: " + count_text(s.steps) + " steps in " + duration_text(sums.seconds) + ", loss " + (sums.loss ? fixed_text(*sums.loss, 4) : "-") +
      (sums.validation_loss ? ", validation loss " + fixed_text(*sums.validation_loss, 4) : "") + ", " + scaled_text(sums.block_flops) +
      " block FLOPs, " + scaled_text(sums.total_flops) + " in all" + (sums.skipped ? ", " + count_text(sums.skipped) + " steps skipped" : ""));
  say("Curves: " + raptr::shown(files.curves()));
}
inline void say_next(const run_files& files, const settings& s) {
  const std::string run = shell_word(files.folder.native());
  if (s.objective == "causal_lm") say("Generate: raptr-generate --run " + run + " --prompt 'In the beginning'");
  say("Compare:  raptr-compare " + run + " OTHER_RUN --out FOLDER");
}

}  // namespace program
