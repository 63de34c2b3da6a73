// SPDX-License-Identifier: Apache-2.0
// The folder of a run. It appears with its config.json or not at all, one process at a time works in it, and a run that was
// stopped and resumed keeps the same checkpoints as an uninterrupted one.
#pragma once

#include <utility>

#include <raptr/io/partial_folder.hpp>
#include <raptr/run/run_files.hpp>
#include <raptr/run/run_id.hpp>
#include <raptr/train/trainer.hpp>

namespace raptr {

namespace errors {  // programs that have options check first, and name the option to change
[[noreturn]] inline void run_exists(const std::filesystem::path& run) { fail(shown(run) + " exists already: name another folder for a new run"); }
[[noreturn]] inline void run_in_use(const std::filesystem::path& run) { fail(shown(run) + " is in use by another process: stop that one first"); }
[[noreturn]] inline void run_of_another_program(const std::filesystem::path& run, const std::string& stored, const std::string& here) {
  fail(shown(run) + " holds a run of " + stored + ", which " + here + " does not continue: name another folder");
}
[[noreturn]] inline void run_differs(const std::filesystem::path& run, const std::string& name, const std::string& stored, const std::string& given) {
  fail(name + " is " + given + ", but the run in " + shown(run) + " was started with " + stored +
       ": give that to continue it, or name another folder");
}
[[noreturn]] inline void end_is_not_saved(std::int64_t newest, const std::string& how_to_continue) {
  fail<file_error>("the last checkpoint or the log could not be written: the newest good checkpoint is of step " + std::to_string(newest) +
                   "; free disk space and " + how_to_continue);
}
}  // namespace errors

/// An existing run, locked while this object exists.
class run_folder {
 public:
  static constexpr int format = 1;  // of config.json

  /// A new run. The folder appears with its config.json, so that every existing one can be resumed.
  ///
  ///   config    gets the members "format" and "id"
  ///   identity  see run_id()
  ///
  /// Throws input_error if the folder exists, file_error if it cannot be written.
  static run_folder create(const std::filesystem::path& run, json config, const json& identity) {
    config["format"] = format, config["id"] = run_id(identity);
    partial_folder folder = new_partial_folder(run);
    make_folders(folder.path() / "checkpoints");
    write_file(run_files{folder.path()}.config(), json_text(config));
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(run, ignored)) || !folder.publish()) errors::run_exists(run);
    return {run, folder.take_lock(), std::move(config)};
  }
  /// Throws file_error if this is not the folder of a run, input_error if another process works in it.
  static run_folder open(const std::filesystem::path& run) {
    const auto file = run_files{run}.expected_config();
    auto lock = folder_lock::attempt(run);
    if (!lock) errors::run_in_use(run);
    json config = read_json(file);
    if (const int found = json_member<int>(config, "format", file); found != format)
      errors::wrong_member(file, "format", std::to_string(format), std::to_string(found));
    return {run, std::move(*lock), std::move(config)};
  }

  const run_files& files() const { return files_; }
  const json& config() const { return config_; }
  /// Empty for a run of an earlier version, which has none.
  std::string id() const { return run_id_of(config_, files_.config()); }
  bool finished() const {
    std::error_code ignored;
    return std::filesystem::exists(files_.summary(), ignored);
  }

  /// Keeps what an uninterrupted run would have kept: the checkpoint of a stop is removed once a regular one is complete.
  ///
  ///   newest  the step of a complete checkpoint
  void remove_old(std::int64_t newest, const run_options& options, retention keep) const {
    const auto at = [](std::int64_t step, std::int64_t every) { return every > 0 && step > 0 && step % every == 0; };
    const auto regular = [&](std::int64_t step) { return step == options.steps || at(step, options.save_every) || at(step, keep.every); };
    if (regular(newest)) remove_old_steps(files_.checkpoints(), newest, keep, regular);
  }

 private:
  run_folder(std::filesystem::path run, folder_lock lock, json config) : files_{std::move(run)}, lock_(std::move(lock)), config_(std::move(config)) {}

  run_files files_;
  folder_lock lock_;
  json config_;
};

}  // namespace raptr
