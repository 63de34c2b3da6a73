// SPDX-License-Identifier: Apache-2.0
// The files in the folder of a run, and its newest good checkpoint.
//
//   config.json                 the settings that a resumed run must have, the hash of the text, and the id of the run
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

namespace errors {
[[noreturn]] inline void no_run(const std::filesystem::path& folder) {
  fail<file_error>(shown(folder) + " is not the folder of a run: it has no config.json");
}
[[noreturn]] inline void checkpoints_are_gone(const std::filesystem::path& folder) {
  fail<file_error>(shown(folder) +
                   " is the folder of a run, but its folder \"checkpoints\" is missing, so it has no checkpoint any more: restore that "
                   "folder, or start the run anew in another one (raptr-pretrain: --config " +
                   shown(folder / "config.json") + " --out FOLDER)");
}
[[noreturn]] inline void checkpoint_is_no_run(const std::filesystem::path& folder, const std::filesystem::path& run) {
  fail<file_error>(shown(folder) + " is a checkpoint or a folder of them, not the folder of a run: give that of its run" +
                   (run.empty() ? "" : ", " + shown(run)));
}
[[noreturn]] inline void checkpoint_of_another_run(const std::filesystem::path& folder, const std::string& there, const std::string& here) {
  const auto named = [](const std::string& id) { return id.empty() ? "a run without an id" : "the run " + shown(id); };
  fail<file_error>(shown(folder) + " was written by " + named(there) + ", and this is " + named(here));
}
[[noreturn]] inline void only_other_checkpoints(const std::filesystem::path& folder, int count) {
  fail<file_error>(shown(folder) + " has " + std::to_string(count) +
                   " whole checkpoints of another run or of other steps and none of this run, which would " +
                   "overwrite them from step 0: restore its config.json, or move them away");
}
}  // namespace errors

/// The id of a run, from its config.json; empty for a run of an earlier version.
inline std::string run_id_of(const json& config, const std::filesystem::path& file) {
  return config.contains("id") ? json_member<std::string>(config, "id", file) : "";
}

struct run_files {
  std::filesystem::path folder;
  std::filesystem::path config() const { return folder / "config.json"; }
  std::filesystem::path metrics() const { return folder / "metrics.jsonl"; }
  std::filesystem::path events() const { return folder / "events.out.tfevents.raptr"; }
  std::filesystem::path checkpoints() const { return folder / "checkpoints"; }
  std::filesystem::path checkpoint(std::int64_t step) const { return checkpoints() / step_name(step); }
  std::filesystem::path summary() const { return folder / "summary.json"; }
  std::filesystem::path curves() const { return folder / "curves.svg"; }

  /// Throws file_error, with the run to give, if the folder is a checkpoint or that of the checkpoints of a run.
  void refuse_checkpoint() const {
    const auto there = [](const std::filesystem::path& file) {
      std::error_code ignored;
      return std::filesystem::exists(file, ignored);
    };
    const auto run_around = [&](const std::filesystem::path& steps) {  // empty: there is none
      return steps.filename() == "checkpoints" && there(steps.parent_path() / "config.json") ? steps.parent_path() : std::filesystem::path();
    };
    const auto here = std::filesystem::absolute(folder / "").lexically_normal().parent_path();
    if (there(here / manifest_name)) errors::checkpoint_is_no_run(folder, run_around(here.parent_path()));
    if (const auto run = run_around(here); !run.empty() && !there(config())) errors::checkpoint_is_no_run(folder, run);
  }
  /// config(). Throws file_error if the folder is not that of a run, or lost its checkpoints.
  std::filesystem::path expected_config() const {
    refuse_checkpoint();
    std::error_code ignored;
    if (!std::filesystem::exists(config(), ignored)) errors::no_run(folder);
    if (!std::filesystem::is_directory(checkpoints(), ignored)) errors::checkpoints_are_gone(folder);
    return config();
  }

  /// The newest good checkpoint of the run with this id. Calls note(sentence) for each one that is damaged, of another run, or of another
  /// step than its name says. Throws file_error if there are only whole ones that are refused: starting anew would overwrite them. Throws
  /// stopped on a request.
  std::optional<step_folder> newest(const std::string& id, const std::function<void(const std::string&)>& note,
                                    const std::stop_token& stop = {}) const {
    bool whole = false;
    int refused = 0;
    const auto skip = [&](const step_folder& skipped, const std::string& reason) {
      refused += whole;
      note("checkpoint " + step_name(skipped.step) + (std::exchange(whole, false) ? " is not what it should be" : " is damaged") +
           " and skipped: " + reason.substr(reason.starts_with("raptr: ") ? 7 : 0));
    };
    const auto check = [&](const step_folder& one, const folder_manifest& manifest) {
      whole = true;
      if (manifest.run != id) errors::checkpoint_of_another_run(one.path, manifest.run, id);
      const auto file = one.path / "state.json";
      if (const auto step = json_member<std::int64_t>(read_json(file), "step", file); step != one.step)
        errors::checkpoint_of_another_step(one.path, step);
    };
    auto good = newest_good(checkpoints(), skip, check, stop);
    if (!good && refused > 0) errors::only_other_checkpoints(checkpoints(), refused);
    return good;
  }
};

}  // namespace raptr
