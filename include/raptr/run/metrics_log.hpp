// SPDX-License-Identifier: Apache-2.0
// Appends to metrics.jsonl and, if wanted, the same numbers to a TensorBoard event file. A resumed run rewrites the
// event file from the lines it keeps, so no point appears twice.
#pragma once

#include <sys/stat.h>

#include <optional>

#include <raptr/io/growing_file.hpp>
#include <raptr/run/event_maker.hpp>
#include <raptr/run/metrics.hpp>
#include <raptr/run/run_files.hpp>

namespace raptr {

/// config.json is written once, when the run begins.
inline double time_of_begin(const run_files& files) {
  struct stat status {};
  if (::stat(files.config().c_str(), &status) != 0) errors::system_refused("look at", files.config(), errno);
  return double(status.st_mtim.tv_sec) + double(status.st_mtim.tv_nsec) * 1e-9;
}

class metrics_log {
 public:
  ///   keep          bytes of the existing log to keep
  ///   tensorboard   whether to write events; an existing event file is continued in any case
  metrics_log(const run_files& files, std::uint64_t keep, bool tensorboard) : lines_(files.metrics(), keep) {
    std::error_code ignored;
    if (!tensorboard && !std::filesystem::exists(files.events(), ignored)) return;
    events_.emplace(files.events(), 0);
    maker_.emplace(time_of_begin(files));
    events_->add(maker_->head());
    for_each_line(files.metrics(), [&](const json& line, std::uint64_t, std::uint64_t) { events_->add(maker_->event(line)); });
  }

  /// Throws file_error; the step then stays in memory, and the next call writes it.
  void append(const step_report& r) {
    lines_.add(metrics_line(r));
    if (events_) events_->add(maker_->event(metrics_json(r)));
    lines_.flush();
    if (events_) events_->flush();
  }
  /// Returns with all steps on disk, or throws.
  void sync() {
    lines_.sync();
    if (events_) events_->sync();
  }

 private:
  growing_file lines_;
  std::optional<growing_file> events_;
  std::optional<event_maker> maker_;
};

}  // namespace raptr
