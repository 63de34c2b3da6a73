// SPDX-License-Identifier: Apache-2.0
// metrics.jsonl while it grows, and beside it, where asked for, the same numbers as a TensorBoard event file. A run that goes on
// writes the events anew from the lines that it keeps, so no point is twice in them.
#pragma once

#include <sys/stat.h>

#include <optional>

#include "../support/growing_file.hpp"
#include "../support/metrics.hpp"
#include "../support/run_files.hpp"
#include "event_maker.hpp"

namespace program {

/// config.json is written once, when the run begins.
inline double time_of_begin(const run_files& files) {
  struct stat status {};
  if (::stat(files.config().c_str(), &status) != 0) raptr::errors::system_refused("look at", files.config(), errno);
  return double(status.st_mtim.tv_sec) + double(status.st_mtim.tv_nsec) * 1e-9;
}

class metrics_log {
 public:
  ///   keep          how many bytes of the lines that are there stay
  ///   tensorboard   whether there are events; a file of them that is there goes on in any case
  metrics_log(const run_files& files, std::uint64_t keep, bool tensorboard) : lines_(files.metrics(), keep) {
    std::error_code ignored;
    if (!tensorboard && !std::filesystem::exists(files.events(), ignored)) return;
    events_.emplace(files.events(), 0);
    maker_.emplace(time_of_begin(files));
    events_->add(maker_->head());
    for_each_line(files.metrics(), [&](const raptr::json& line, std::uint64_t, std::uint64_t) { events_->add(maker_->event(line)); });
  }

  /// Throws file_error; then the step is kept for the next call.
  void append(const raptr::step_report& r) {
    lines_.add(metrics_line(r));
    if (events_) events_->add(maker_->event(metrics_json(r)));
    lines_.flush();
    if (events_) events_->flush();
  }
  /// All steps are on the disk, or it throws.
  void sync() {
    lines_.sync();
    if (events_) events_->sync();
  }

 private:
  growing_file lines_;
  std::optional<growing_file> events_;
  std::optional<event_maker> maker_;
};

}  // namespace program
