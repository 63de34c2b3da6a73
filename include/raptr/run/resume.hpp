// SPDX-License-Identifier: Apache-2.0
// How a run continues: with the settings and the text it was started with, from its newest good checkpoint, with a log that ends
// there.
#pragma once

#include <raptr/run/any_trainer.hpp>
#include <raptr/run/metrics.hpp>
#include <raptr/run/run_folder.hpp>

namespace raptr {

/// Throws input_error with both values, of which one may be "not given", for the first difference between the config.json of a run and what is
/// given now.
///
///   now  with "program", "options" and "hashes"
inline void expect_same(const run_folder& run, const json& now) {
  const auto file = run.files().config();
  const std::string program = now["program"];
  if (const auto stored = json_member<std::string>(run.config(), "program", file); stored != program)
    errors::run_of_another_program(run.files().folder, stored, program);
  for (const char* const group : {"options", "hashes"}) {
    const json before = json_member<json>(run.config(), group, file), &given = now[group];
    json all = before;
    all.update(given);
    for (const auto& [name, any] : all.items()) {
      if (name == "vocabulary" && !before.contains(name)) continue;  // a run of an earlier version
      const json none, &stored = before.contains(name) ? before[name] : none, &value = given.contains(name) ? given[name] : none;
      const auto shown = [](const json& what) { return what.is_null() ? "not given" : detail::shown_json(what); };
      if (stored != value)
        errors::run_differs(run.files().folder, name == "training" ? "the hash of the training text" : name, shown(stored), shown(value));
    }
  }
}

struct resume_point {
  bool checkpoint = false;      // false: there is none, and the trainer is unchanged
  std::uint64_t log_bytes = 0;  // of metrics.jsonl that belong to the state of the trainer
};
/// Loads the newest good checkpoint, and removes what a killed process left unfinished.
///
///   note(sentence)  called for what is damaged, missing or of another run
///
/// Throws stopped on a request.
inline resume_point resume(const run_folder& run, any_trainer& trainer, const std::function<void(const std::string&)>& note,
                           const std::stop_token& stop = {}) {
  const run_files& files = run.files();
  if (run.id().empty()) note("this run was started by an earlier version and has no id: make sure that all checkpoints in its folder are its own");
  (void)remove_partials(files.checkpoints());
  (void)remove_partials(files.folder);
  const auto newest = files.newest(run.id(), note, stop);
  if (!newest) {
    note(step_folders(files.checkpoints()).empty() ? "there is no checkpoint yet, so the run starts from step 0"
                                                   : "no checkpoint is good, so the run starts again from step 0");
    return {};
  }
  trainer.load(newest->path);
  std::error_code ignored;
  const auto ends = std::filesystem::exists(files.metrics(), ignored) ? read_metrics(files.metrics()).ends : std::vector<std::uint64_t>{};
  const auto steps = static_cast<std::size_t>(trainer.steps_done());
  if (ends.size() < steps)
    note("metrics.jsonl ends at step " + std::to_string(ends.size()) + ", before the checkpoint of step " + std::to_string(steps));
  const std::size_t lines = (std::min)(steps, ends.size());
  return {true, lines ? ends[lines - 1] : 0};
}

}  // namespace raptr
