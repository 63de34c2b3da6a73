// SPDX-License-Identifier: Apache-2.0
// What a resumed run takes from its folder, and which options may differ: none that would change its plan, its data or its
// log.
#pragma once

#include <memory>

#include "../support/metrics.hpp"
#include "run_folder.hpp"

namespace program {

namespace errors {
[[noreturn]] inline void no_run(const std::filesystem::path& run) {
  raptr::fail<raptr::file_error>(raptr::shown(run) + " is not the folder of a run: it has no config.json");
}
[[noreturn]] inline void option_differs(std::string_view name, const std::string& stored, const std::string& given, const std::string& more) {
  raptr::fail("--" + std::string(name) + " is " + given + ", but the run was started with " + stored + more +
              ": leave it out to resume, or start a new run with --out");
}
[[noreturn]] inline void text_differs(const std::string& name, const std::string& stored, const std::string& found) {
  raptr::fail("the text of --" + name + " is not the one that the run was started with (hash " + found + " instead of " + stored +
              "): restore the old text, or start a new run with --out");
}
[[noreturn]] inline void weights_differ(const std::filesystem::path& from, const std::string& stored, const std::string& found) {
  raptr::fail<raptr::file_error>("this run has no checkpoint yet, and " + raptr::shown(from) +
                                 " does not hold the weights that it was started from (checksum " + found + " instead of " + stored +
                                 "): restore the old weights, or start a new run with --out");
}
}  // namespace errors

inline std::string borders_text(const settings& s, const network_trainer& network) {
  std::string text;
  for (const auto& stage : raptr::stage_table(network.schedule(), network.layout(), s.steps))
    text += (text.empty() ? "" : ", ") + std::to_string(stage.last + 1);
  return s.schedule + " over " + std::to_string(s.steps) + " steps, stages ending at " + text;
}
inline std::unique_ptr<network_trainer> trainer_of(const settings& s) {
  return s.objective == "causal_lm" ? make_causal_trainer(s) : make_masked_trainer(s);
}

/// Both plans if they differ: the stored one, and the one with the given options.
inline std::string plans_text(const settings& before, const option_list& given) {
  settings now = before;
  option_list options = options_of(now);
  for (const option& o : given.all())
    if (o.given && stored(o)) options.set(o.name, option_list::json_of(o));
  try {
    const std::string was = borders_text(before, *trainer_of(before)), would_be = borders_text(now, *trainer_of(now));
    return was == would_be ? "" : " (" + was + "; it would be " + would_be + ")";
  } catch (const raptr::error&) {
    return "";  // the given options are not a valid plan
  }
}

/// The options of the stored run, with those that may differ taken from the command line. Throws if any other option differs.
inline settings resumed(const std::filesystem::path& run, const option_list& given, raptr::json& config) {
  const run_files files{run};
  std::error_code ignored;
  if (!std::filesystem::exists(files.config(), ignored)) errors::no_run(run);
  config = raptr::read_json(files.config());
  if (const int format = raptr::json_member<int>(config, "format", files.config()); format != config_format)
    raptr::errors::wrong_member(files.config(), "format", std::to_string(config_format), std::to_string(format));
  settings s;
  option_list options = options_of(s);
  options.read(raptr::json_member<raptr::json>(config, "options", files.config()), files.config());
  if (config.contains("solved")) s.solved = config["solved"];
  const settings before = s;
  for (const option& o : given.all()) {
    if (!o.given || !stored(o)) continue;
    const raptr::json stored_value = option_list::json_of(*options.find(o.name)), value = option_list::json_of(o);
    const raptr::json first_value =
        s.solved.is_object() ? s.solved.value(std::string(o.name), stored_value) : stored_value;  // before the ? was solved
    if (free_at_resume(o.name))
      options.set(o.name, value);
    else if (value != stored_value && value != first_value)
      errors::option_differs(o.name, raptr::detail::shown_json(first_value), raptr::detail::shown_json(value),
                             o.topic == "schedule" || o.name == "steps" ? plans_text(before, given) : "");
  }
  return s;
}
inline void expect_same_text(const corpus& text, const raptr::json& config, const std::filesystem::path& file) {
  const raptr::json hashes = text.hashes(), before = raptr::json_member<raptr::json>(config, "hashes", file);
  for (const auto& [name, hash] : hashes.items())
    if (const auto old = raptr::json_member<std::string>(before, name, file); old != hash) errors::text_differs(name, old, hash.get<std::string>());
}

/// Loads the initial weights of a run that has no checkpoint yet, unless they are random.
inline void begin_anew(const settings& s, network_trainer& network, const raptr::json& config, const std::filesystem::path& file) {
  if (s.from.empty()) return;
  const auto before = raptr::json_member<std::string>(raptr::json_member<raptr::json>(config, "hashes", file), "from", file);
  if (const std::string now = network.start_from(s.from); now != before) errors::weights_differ(s.from, before, now);
}

/// Loads the newest good checkpoint, if there is one, and removes what a killed process left unfinished. Returns how many bytes
/// of the log belong to the checkpoint. The run is locked.
///
///   config           of the run
///   note(sentence)   called for what is damaged or missing
inline std::uint64_t go_back_to_checkpoint(const run_files& files, network_trainer& network, const settings& s, const raptr::json& config,
                                           const std::function<void(const std::string&)>& note) {
  (void)raptr::remove_partials(files.checkpoints());
  (void)raptr::remove_partials(files.folder);
  if (const auto newest = files.newest(note)) {
    network.load(newest->path);
  } else {
    note("there is no checkpoint yet, so the run starts from step 0");
    begin_anew(s, network, config, files.config());
  }
  std::error_code ignored;
  const auto ends = std::filesystem::exists(files.metrics(), ignored) ? read_metrics(files.metrics()).ends : std::vector<std::uint64_t>{};
  const auto steps = static_cast<std::size_t>(network.steps_done());
  if (ends.size() < steps)
    note("metrics.jsonl ends at step " + std::to_string(ends.size()) + ", before the checkpoint of step " + std::to_string(steps));
  const std::size_t lines = (std::min)(steps, ends.size());
  return lines ? ends[lines - 1] : 0;
}

}  // namespace program
