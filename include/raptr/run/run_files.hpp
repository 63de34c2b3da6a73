// SPDX-License-Identifier: Apache-2.0
// The files in the folder of a run, and its newest good checkpoint.
//
//   config.json                 the settings that a resumed run must have, and the hash of the text
//   metrics.jsonl               one line per step
//   events.out.tfevents.raptr   the same for TensorBoard, if wanted
//   checkpoints/                step-000120/ and so on
//   summary.json                written last: it marks the run as finished
//   curves.svg                  written by raptr-pretrain
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include <raptr/checkpoint/retention.hpp>
#include <raptr/io/json.hpp>

namespace raptr {

struct run_files {
  std::filesystem::path folder;
  std::filesystem::path config() const { return folder / "config.json"; }
  std::filesystem::path metrics() const { return folder / "metrics.jsonl"; }
  std::filesystem::path events() const { return folder / "events.out.tfevents.raptr"; }
  std::filesystem::path checkpoints() const { return folder / "checkpoints"; }
  std::filesystem::path checkpoint(std::int64_t step) const { return checkpoints() / step_name(step); }
  std::filesystem::path summary() const { return folder / "summary.json"; }
  std::filesystem::path curves() const { return folder / "curves.svg"; }

  /// Calls note(sentence) for each damaged checkpoint.
  std::optional<step_folder> newest(const std::function<void(const std::string&)>& note) const {
    return newest_good(checkpoints(), [&](const step_folder& skipped, const std::string& reason) {
      note("checkpoint " + step_name(skipped.step) + " is damaged and skipped: " + reason.substr(reason.starts_with("raptr: ") ? 7 : 0));
    });
  }
};

}  // namespace raptr
