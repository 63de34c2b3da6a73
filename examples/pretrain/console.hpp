// SPDX-License-Identifier: Apache-2.0
// Progress output of a run: one live line on a terminal; otherwise a plain line at every twentieth of the run, and at least
// twice a minute.
#pragma once

#include <chrono>
#include <string>

#include <raptr/run/number_text.hpp>
#include <raptr/train/report.hpp>

#include "../support/live_line.hpp"

namespace program {

using namespace raptr;

class console {
 public:
  /// flops: of the whole run; before: of the steps already done; peak: flop/s of all threads; 0: not known.
  console(int blocks, double flops, double before, double peak) : blocks_(blocks), flops_(flops), done_(before), peak_(peak) {}

  /// The `watch` callback of a run.
  void step(const raptr::step_report& r) {
    done_ += r.total_flops;
    if (steps_++ > 0 || r.step + 1 == r.total) seconds_ += r.seconds, computed_ += r.total_flops;  // the first step warms up
    const double rate = r.seconds > 0 ? r.total_flops / r.seconds : 0;
    smooth_ = smooth_ > 0 ? 0.9 * smooth_ + 0.1 * rate : rate;
    const auto now = std::chrono::steady_clock::now();
    const std::string speed = peak_ > 0 ? percent_text(smooth_ / peak_, 0) + " of the FMA peak" : scaled_text(smooth_) + "flop/s",
                      left = seconds_ > 0 ? duration_text((flops_ - done_) / (computed_ / seconds_)) + " left" : "";
    const std::int64_t each = (std::max)(std::int64_t{1}, r.total / 20), number = r.step + 1;
    if (screen_.live()) {
      if (r.validation_loss || r.skipped()) screen_.say(r.line());
      if (number < r.total && now - shown_ < std::chrono::milliseconds(100)) return;
      shown_ = now;
      screen_.show("stage " + std::to_string(r.stage + 1) + "/" + std::to_string(r.stages) + "  step " + std::to_string(number) + "/" +
                   std::to_string(r.total) + "  " + std::to_string(r.active_blocks) + "/" + std::to_string(blocks_) + " blocks  loss " +
                   fixed_text(r.loss, 3) + "  " + scaled_text(r.tokens_per_second()) + " tokens/s  " +
                   (peak_ > 0 ? percent_text(smooth_ / peak_, 0) + " of peak  " : "") + left);
    } else if (steps_ == 1 || number % each == 0 || number == r.total || r.validation_loss || r.skipped() ||
               now - shown_ > std::chrono::seconds(30)) {
      shown_ = now;
      screen_.say(r.line() + ", " + speed + (number < r.total && !left.empty() ? ", " + left : ""));
    }
  }

 private:
  int blocks_;
  double flops_, done_, peak_;
  live_line screen_;
  std::int64_t steps_ = 0;
  double seconds_ = 0, computed_ = 0, smooth_ = 0;
  std::chrono::steady_clock::time_point shown_{};
};

}  // namespace program
