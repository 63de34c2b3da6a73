// SPDX-License-Identifier: Apache-2.0
// A run in a folder for any trainer: created if the folder does not exist, continued bit for bit if it does. With it a model of
// your own has the plan, the log, the checkpoints, the resumes and the summary of raptr-pretrain.
#pragma once

#include <memory>

#include <raptr/base/version.hpp>
#include <raptr/data/shard_index.hpp>
#include <raptr/run/recorded_training.hpp>
#include <raptr/run/resume.hpp>
#include <raptr/run/summary.hpp>
#include <raptr/run/trainer_handle.hpp>

namespace raptr {

/// One process at a time works in the folder: it stays locked while this object exists.
class training_run {
 public:
  /// Creates the folder, or goes back to its newest good checkpoint. Options that do not change results may differ from those that
  /// the run was started with: max_nonfinite, save_every, save, stop, and all of `recording`.
  ///
  ///   trainer    new: not trained and not loaded. It must outlive this object, and so must the tokens
  ///   options    as for trainer::run(); `save` is not used
  ///   recording  see recorded_training.hpp
  ///
  /// Throws input_error if options, schedule, text and model do not fit, if the run in the folder was started with others (with both
  /// values), or if another process works in it; file_error if the folder cannot be read or written; stopped if options.stop has a request
  /// before the run begins.
  template <class Trainer, token_source Tokens> training_run(const std::filesystem::path& folder, Trainer& trainer, const Tokens& tokens,
                                                             const run_options& options, recording_options recording = {})
      : training_run(folder, std::make_unique<trainer_handle<Trainer&>>(trainer, options), any_tokens(token_range<Tokens>(tokens, 0, tokens.size())),
                     std::move(recording)) {}
  training_run(const std::filesystem::path& folder, std::unique_ptr<any_trainer> trainer, any_tokens tokens, recording_options recording)
      : trainer_(std::move(trainer)),
        tokens_(std::move(tokens)),
        recording_(std::move(recording)),
        plan_(plan_of(*trainer_, tokens_, {.peak = recording_.peak_flops})),
        folder_(opened(folder)) {}

  /// What the run does and costs. Its text is a table for people.
  const run_plan& plan() const { return plan_; }
  const run_files& files() const { return folder_.files(); }
  /// 0 for a new run.
  std::int64_t steps_done() const { return trainer_->steps_done(); }

  /// Trains from the current step to the last one, and writes summary.json. Returns false if options.stop ended it before: then the
  /// state is saved, and the same program continues it. Throws as trainer::run() does, and file_error for a failed write.
  ///
  ///   watch  called with the report of each step, before it is in the log
  bool train(const std::function<void(const step_report&)>& watch = {}) {
    if (steps_done() == trainer_->options().steps && folder_.finished()) return true;
    if (!train_in(folder_, log_bytes_, *trainer_, tokens_, trainer_->options(), recording_, watch)) return false;
    replace_file(files().summary(), json_text(summary_of(*trainer_, trainer_->settings()["schedule"], plan_, sums(), recording_.floor)));
    return true;
  }
  /// The sums over all steps in the log, those before a resume included.
  run_sums sums() const { return sums_of(read_metrics(files().metrics()).steps); }

 private:
  static constexpr const char* program = "raptr::training_run";

  run_folder opened(const std::filesystem::path& folder) {
    json now = {{"format", run_folder::format}, {"program", program}, {"version", library_version}};
    now["options"] = trainer_->settings();
    now["hashes"] = {{"vocabulary", vocabulary_text(tokens_.vocabulary())}};
    now["hashes"]["training"] = token_hash_text(token_hash(tokens_, trainer_->options().stop));
    std::error_code ignored;
    if (!std::filesystem::exists(folder, ignored)) return run_folder::create(folder, now, now);
    run_folder there = run_folder::open(folder);
    expect_same(there, now);
    log_bytes_ = resume(there, *trainer_, recording_.note, trainer_->options().stop).log_bytes;
    return there;
  }

  std::unique_ptr<any_trainer> trainer_;
  any_tokens tokens_;
  recording_options recording_;
  run_plan plan_;
  std::uint64_t log_bytes_ = 0;
  run_folder folder_;
};

}  // namespace raptr
