// SPDX-License-Identifier: Apache-2.0
// What an observer is told of a step: the one event of a run. Everything is of this step alone; sums over steps are the
// observer's.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include <raptr/subnet/schedule/moment.hpp>
#include <raptr/train/plan_cost.hpp>

namespace raptr {

struct step_report {
  moment now;  // which step, counted from 0, in which stage
  int active_blocks = 0;
  active_shares active;  // per axis
  double loss = 0;  // mean over the targets of the step
  double learning_rate = 0;
  double gradient_norm = 0;  // before clipping
  std::int64_t tokens = 0, targets = 0;
  double block_flops = 0;                 // forward and backward of the active blocks
  double total_flops = 0;                 // with head and optimizer
  double seconds = 0;                     // from the end of the step before, without validation and checkpoints
  std::optional<double> validation_loss;  // of the full network after this step, where it was measured
  std::string nonfinite;                  // the first tensor (or "loss") that is not finite; then the step changed nothing

  /// A step without targets or with a non-finite loss or gradient changes nothing.
  bool skipped() const { return targets == 0 || !nonfinite.empty(); }
  double tokens_per_second() const { return seconds > 0 ? double(tokens) / seconds : 0; }
  /// For people: one line without line end.
  std::string line() const {
    char text[256];
    std::snprintf(text, sizeof text, "step %lld of %lld, stage %d of %d, %d blocks, loss %.4f, rate %.2e, norm %.3f, %.0f tokens/s",
                  static_cast<long long>(now.step + 1), static_cast<long long>(now.total), now.stage + 1, now.stages, active_blocks, loss,
                  learning_rate, gradient_norm, tokens_per_second());
    std::string all = text;
    if (validation_loss) {
      std::snprintf(text, sizeof text, ", validation loss %.4f", *validation_loss);
      all += text;
    }
    if (!nonfinite.empty())
      all += ", skipped: " + nonfinite + " is not finite";
    else if (targets == 0)
      all += ", skipped: no token to predict";
    return all;
  }
};

}  // namespace raptr
