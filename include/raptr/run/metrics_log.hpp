// SPDX-License-Identifier: Apache-2.0
// Appends to metrics.jsonl and, if wanted, the same numbers to a TensorBoard event file. A resumed run rewrites the
// event file from the lines it keeps, so no point appears twice.
#pragma once

#include <sys/stat.h>

#include <optional>

#include <raptr/io/growing_file.hpp>
#include <raptr/io/tensorboard_events.hpp>
#include <raptr/run/metrics.hpp>
#include <raptr/run/run_files.hpp>

namespace raptr {

/// Converts lines of metrics.jsonl to events: every number of a line is a curve, those of "active" are a group. The time stamp
/// of a step is the beginning plus the sum of step_seconds, so pauses do not show.
class event_maker {
 public:
  /// began: seconds since 1970.
  explicit event_maker(double began) : time_(began) {}
  std::string head() const { return event_file_head(time_); }
  std::string event(const json& line) {
    std::vector<std::string> names;
    std::vector<float> values;
    for (const auto& [name, value] : line.items()) {
      const auto add = [&](std::string full_name, const json& number) {
        if (!number.is_number()) return;
        names.push_back(std::move(full_name));
        values.push_back(number.get<float>());
      };
      if (value.is_object())
        for (const auto& [part, number] : value.items()) add(name + "/" + part, number);
      else if (name != "step")
        add(name, value);
    }
    std::vector<named_scalar> scalars;
    for (std::size_t i = 0; i < names.size(); ++i) scalars.push_back({names[i], values[i]});
    time_ += line.value("step_seconds", 0.0);
    return scalar_event(time_, line.value("step", std::int64_t{0}), scalars);
  }

 private:
  double time_;
};

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
