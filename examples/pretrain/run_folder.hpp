// SPDX-License-Identifier: Apache-2.0
// The folder of a run: it appears with its config.json or not at all, one process works in it at a time, and a run that
// was stopped keeps the same checkpoints as one that was not.
#pragma once

#include <sys/file.h>

#include <raptr/base/version.hpp>

#include "../support/run_files.hpp"
#include "corpus.hpp"

namespace program {

namespace errors {
[[noreturn]] inline void run_exists(const std::filesystem::path& run) {
  raptr::fail(raptr::shown(run) + " exists already: give another folder as --out, or go on with --resume " + raptr::shown(run));
}
[[noreturn]] inline void run_in_use(const std::filesystem::path& run) {
  raptr::fail(raptr::shown(run) + " is in use by another process: stop that one first");
}
}  // namespace errors

inline constexpr int config_format = 1;

/// Held as long as a process works on a run.
class run_lock {
 public:
  explicit run_lock(const std::filesystem::path& run) : folder_(raptr::open_file::folder(run)) {
    if (::flock(folder_.descriptor(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) errors::run_in_use(run);
  }

 private:
  raptr::open_file folder_;
};

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
/// The folder appears with its config.json, so that what exists can be resumed.
inline void create(const std::filesystem::path& run, const raptr::json& config) {
  raptr::make_folders(raptr::folder_of(run));
  const std::filesystem::path partial = raptr::partial_name(run);
  std::error_code ignored;
  std::filesystem::remove_all(partial, ignored);
  try {
    raptr::make_folders(partial / "checkpoints");
    raptr::write_file(run_files{partial}.config(), raptr::json_text(config));
    raptr::sync_folder(partial);
    refuse_existing(run);
    if (std::rename(partial.c_str(), run.c_str()) != 0) raptr::errors::system_refused("make the folder", run, errno);
  } catch (...) {
    std::filesystem::remove_all(partial, ignored);
    throw;
  }
  raptr::sync_folder(raptr::folder_of(run));
}

/// from: the checksum of the weights that the run starts from; empty if they are random.
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
/// Keeps what a run that was never stopped would have kept: the checkpoint of a stop goes when a regular one is whole.
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
