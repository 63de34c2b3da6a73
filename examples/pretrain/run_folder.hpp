// SPDX-License-Identifier: Apache-2.0
// The folder of a run. It appears with its config.json or not at all, one process at a time works in it, and a run that was
// stopped and resumed keeps the same checkpoints as an uninterrupted one.
#pragma once

#include <raptr/base/version.hpp>
#include <raptr/io/partial_folder.hpp>

#include "../support/run_files.hpp"
#include "corpus.hpp"

namespace program {

namespace errors {
[[noreturn]] inline void run_exists(const std::filesystem::path& run) {
  raptr::fail(raptr::shown(run) + " exists already: give another folder as --out, or continue it with --resume " + raptr::shown(run));
}
[[noreturn]] inline void run_in_use(const std::filesystem::path& run) {
  raptr::fail(raptr::shown(run) + " is in use by another process: stop that one first");
}
}  // namespace errors

inline constexpr int config_format = 1;

/// Held while a process works on a run. Throws input_error if another one does.
inline raptr::folder_lock lock_run(const std::filesystem::path& run) {
  auto lock = raptr::folder_lock::attempt(run);
  if (!lock) errors::run_in_use(run);
  return std::move(*lock);
}

inline std::filesystem::path unused_name() {
  for (int k = 1;; ++k)
    if (const std::filesystem::path name = std::filesystem::path("runs") / std::to_string(k);
        !std::filesystem::exists(std::filesystem::symlink_status(name)))
      return name;
}
inline void refuse_existing(const std::filesystem::path& run) {
  std::error_code code;
  if (std::filesystem::exists(std::filesystem::symlink_status(run, code))) errors::run_exists(run);
}
/// The folder appears with its config.json, so that every existing one can be resumed. It stays locked.
inline raptr::folder_lock create(const std::filesystem::path& run, const raptr::json& config) {
  raptr::partial_folder folder = raptr::new_partial_folder(run);
  raptr::make_folders(folder.path() / "checkpoints");
  raptr::write_file(run_files{folder.path()}.config(), raptr::json_text(config));
  refuse_existing(run);
  if (!folder.publish()) errors::run_exists(run);
  return folder.take_lock();
}

/// from: the checksum of the initial weights; empty if they are random.
inline raptr::json config_of(settings s, const corpus& text, const std::string& from) {
  raptr::json values;
  const option_list options = options_of(s);
  for (const option& o : options.all())
    if (stored(o)) values[std::string(o.name)] = option_list::json_of(o);
  raptr::json config = {{"format", config_format},
                        {"program", "raptr-pretrain"},
                        {"version", raptr::library_version},
                        {"options", std::move(values)},
                        {"hashes", text.hashes()}};
  if (!from.empty()) config["hashes"]["from"] = from;
  if (!s.solved.is_null()) config["solved"] = s.solved;
  return config;
}
/// Keeps what an uninterrupted run would have kept: the checkpoint of a stop is removed once a regular one is complete.
inline void remove_old(const run_files& files, std::int64_t newest, const settings& s) {
  const auto regular = [&](std::int64_t step) {
    return step == s.steps || (*s.checkpoint_every > 0 && step % *s.checkpoint_every == 0) || (s.keep_every > 0 && step % s.keep_every == 0);
  };
  if (!regular(newest)) return;
  for (const auto& old : raptr::step_folders(files.checkpoints()))
    if (old.step < newest && !regular(old.step)) raptr::remove_folder(old.path);
  raptr::remove_old_steps(files.checkpoints(), newest, {.last = int(s.keep_checkpoints), .every = s.keep_every});
}

}  // namespace program
