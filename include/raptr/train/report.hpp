// SPDX-License-Identifier: Apache-2.0
// The report of a step, which is passed to every observer. All figures are of this step alone; sums over steps are left to the
// observer.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <raptr/base/decimal.hpp>
#include <raptr/schedule/run_position.hpp>
#include <raptr/train/mean_loss.hpp>
#include <raptr/train/step_cost.hpp>

namespace raptr {

/// step, total, stage and stages, counted from 0, are those of run_position. Blocks, shares and FLOPs are those of the plan that a rank computes,
/// which is of equal size on all ranks; the optimizer's part of total_flops is that of what any rank trained.
struct step_report : run_position {
  int active_blocks = 0;
  active_shares active;                               // per axis
  double loss = 0;                                    // mean over the targets of the step
  std::vector<group_loss> losses;                     // of each group of targets, if the objective has several
  double learning_rate = 0, block_learning_rate = 0;  // of the weights of blocks, where it differs
  double gradient_norm = 0;                           // before clipping
  std::int64_t tokens = 0, targets = 0;
  double block_flops = 0;                 // forward and backward of the active blocks
  double total_flops = 0;                 // including head and optimizer
  std::uint64_t bytes_sent = 0;           // by this rank to the others
  double seconds = 0;                     // since the end of the previous step, excluding validation and checkpoints
  std::optional<double> validation_loss;  // of the full network after this step, if it was measured
  std::vector<group_loss> validation_losses;
  std::string nonfinite;  // the first tensor, or "loss", "gradient", "learning rate"; then the step changed nothing

  /// A step without targets or with a non-finite loss or gradient changes nothing.
  bool skipped() const { return targets == 0 || !nonfinite.empty(); }
  /// Empty if the step was not skipped. Without clipping, a finite gradient of a norm above 1e19 is too large: its square overflows float.
  std::string why_skipped() const {
    if (nonfinite.empty()) return targets == 0 ? "no token to predict" : "";
    const bool finite = std::isfinite(loss) && std::isfinite(gradient_norm) && nonfinite != "learning rate";
    return nonfinite + (finite ? " is too large: clip to a norm below 1e19" : " is not finite");
  }
  double tokens_per_second() const { return seconds > 0 ? double(tokens) / seconds : 0; }
  /// A human-readable line without line end.
  std::string line() const {
    const auto number = [](double x, int digits, std::chars_format format = std::chars_format::fixed) { return decimal_text(x, format, digits); };
    std::string all = "step " + std::to_string(step + 1) + " of " + std::to_string(total) + ", stage " + std::to_string(stage + 1) + " of " +
                      std::to_string(stages) + ", " + std::to_string(active_blocks) + " blocks, loss " +
                      (skipped() ? "-" : number(loss, 4) + groups_text(losses)) + ", rate " +
                      number(learning_rate, 2, std::chars_format::scientific) + ", norm " + (skipped() ? "-" : number(gradient_norm, 3)) + ", " +
                      number(tokens_per_second(), 0) + " tokens/s";
    if (validation_loss) all += ", validation loss " + number(*validation_loss, 4) + groups_text(validation_losses);
    if (skipped()) all += ", skipped: " + why_skipped();
    return all;
  }
};

}  // namespace raptr
