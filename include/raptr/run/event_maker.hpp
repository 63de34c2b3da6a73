// SPDX-License-Identifier: Apache-2.0
// Lines of metrics.jsonl as TensorBoard events: a pure function of the lines and of the time the run began.
#pragma once

#include <raptr/io/json.hpp>
#include <raptr/io/tensorboard_events.hpp>

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

}  // namespace raptr
