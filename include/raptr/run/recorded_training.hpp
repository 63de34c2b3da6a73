// SPDX-License-Identifier: Apache-2.0
// Trains in the folder of a run: every step goes into the log, checkpoints are written and old ones removed, and a failed write
// ends the run or is reported, as the caller wishes.
#pragma once

#include <raptr/run/any_trainer.hpp>
#include <raptr/run/metrics_log.hpp>
#include <raptr/run/model_card.hpp>
#include <raptr/run/run_folder.hpp>

namespace raptr {

/// What a run writes and reports, besides what its run_options say.
struct recording_options {
  retention keep{};                                                          // of checkpoints
  bool tensorboard = false;                                                  // also writes the log as a TensorBoard event file
  double peak_flops = 0;                                                     // of the device, for the expected times in the plan; 0: not known
  std::function<void(const std::string&)> note = [](const std::string&) {};  // gets a sentence about what is damaged or missing
  std::function<void(const file_error&)> write_failed{};  // gets the first error of several and the run continues; empty: the error is thrown
  std::optional<unigram_losses> floor{};                  // for summary.json: unigram_losses_of() the training and the validation text
  std::string how_to_continue = "run it again";           // for the error when the end could not be saved
  std::vector<text_file> tokenizer{};                     // of every checkpoint: tokenizer_files(); empty: checkpoints have none
};

namespace detail {

/// Handles failed writes: rethrows the error, or reports it once and continues the run.
class careful_writer {
 public:
  explicit careful_writer(const std::function<void(const file_error&)>& report) : report_(report) {}
  bool failed() const { return failed_; }
  template <class Write> void operator()(Write&& write) {
    try {
      write();
      failed_ = false;
    } catch (const file_error& e) {
      if (!report_) throw;
      if (!failed_) report_(e);
      failed_ = true;
    }
  }

 private:
  const std::function<void(const file_error&)>& report_;
  bool failed_ = false;
};

/// Where the line of the newest step begins in the text of the log, if the step lacks the validation that it is due.
inline std::optional<std::size_t> line_without_validation(const run_files& files, std::string_view text, std::int64_t step,
                                                          const run_options& options) {
  if (!options.validate || options.validate_every == 0 || text.empty()) return {};
  if (step % options.validate_every != 0 && step != options.steps) return {};
  const std::size_t first = text.find_last_of('\n', text.size() - 2) + 1;  // of the last line
  const json line = parse_json(text.substr(first), files.metrics(), first);
  if (line.contains("validation_loss") || line.value("step", std::int64_t{0}) != step) return {};
  return first;
}
inline std::string beginning_of_log(const run_files& files, std::uint64_t log_bytes) {
  return log_bytes > 0 ? read_file(files.metrics()).substr(0, static_cast<std::size_t>(log_bytes)) : std::string();
}
/// If a stop request ended the validation of the newest step in the log, does it now, so that the log becomes that of an unbroken run.
/// Returns the new size of the log. Throws stopped on a request.
inline std::uint64_t complete_validation(const run_files& files, std::uint64_t log_bytes, std::int64_t step, const run_options& options) {
  std::string text = beginning_of_log(files, log_bytes);
  const auto first = line_without_validation(files, text, step, options);
  if (!first) return log_bytes;
  const json line = parse_json(std::string_view(text).substr(*first), files.metrics(), *first);
  text.resize(*first);
  text += json_text(with_validation_loss(line, options.validate()), -1);
  replace_file(files.metrics(), text);
  return text.size();
}

}  // namespace detail

/// Whether train_in() begins with the validation of the step before, which a stop request has ended. With several ranks, all take part.
inline bool begins_with_validation(const run_folder& folder, std::uint64_t log_bytes, std::int64_t step, const run_options& options) {
  return detail::line_without_validation(folder.files(), detail::beginning_of_log(folder.files(), log_bytes), step, options).has_value();
}

/// Trains from the trainer's current step, at which the log has log_bytes, to the last one. Saves are the folder's
/// checkpoints, also at the multiples of recording.keep.every; options.save is not called. Returns whether the run reached its end. Throws
/// as trainer::run() does, and file_error if the last checkpoint or a part of the log is missing at the end.
inline bool train_in(const run_folder& folder, std::uint64_t log_bytes, any_trainer& trainer, const any_tokens& text, run_options options,
                     const recording_options& recording, const std::function<void(const step_report&)>& watch) {
  const run_files& files = folder.files();
  options.also_save_every = recording.keep.every;
  const std::uint64_t log_before = log_bytes;
  try {
    log_bytes = detail::complete_validation(files, log_bytes, trainer.steps_done(), options);
  } catch (const stopped&) {
    return false;
  }
  metrics_log log(files, log_bytes, recording.tensorboard);
  detail::careful_writer write_log(recording.write_failed), write_checkpoint(recording.write_failed);
  write_log([&] { log.sync(); });  // the events of the steps that are done
  std::error_code ignored;
  std::int64_t saved = trainer.steps_done();  // of the newest checkpoint; -1: not known
  if (!std::filesystem::exists(files.checkpoint(saved) / manifest_name, ignored)) saved = -1;
  run_sums sums;
  if (log_bytes > 0) {
    auto done = read_metrics(files.metrics()).steps;
    done.resize((std::min)(done.size(), static_cast<std::size_t>(trainer.steps_done())));
    sums = sums_of(done);
  }
  const model_card card(trainer, folder.config(), !recording.tokenizer.empty());
  if (saved >= 0 && log_bytes != log_before)  // the card of a checkpoint that a stop left without the validation loss
    write_checkpoint([&] { replace_file(files.checkpoint(saved) / "README.md", card.text(saved, sums)); });
  if (saved < 0 && trainer.architecture().empty())
    recording.note("no published format holds this model: its checkpoints have the model_type \"" + trainer.settings().value("names", std::string()) +
                   "\", which only this library opens");
  const auto remove_old = [&] { folder.remove_old(saved, options, recording.keep); };
  if (saved >= 0) write_checkpoint(remove_old);  // a process that was killed may have left older ones
  options.save = [&] {
    write_log([&] { log.sync(); });  // first, so that no checkpoint is ahead of the log
    write_checkpoint([&] {
      if (saved != trainer.steps_done())
        trainer.save(files.checkpoint(trainer.steps_done()), text.vocabulary(),
                     {.run = folder.id(), .tokenizer = recording.tokenizer, .card = card.text(trainer.steps_done(), sums)});
      saved = trainer.steps_done();
      remove_old();
    });
  };
  const bool whole = trainer.run(text, options, [&](const step_report& r) {
    if (watch) watch(r);
    sums.add(r);
    write_log([&] { log.append(r); });
  });
  if (write_log.failed() || write_checkpoint.failed()) {
    const auto newest = files.newest(folder.id(), recording.note);
    errors::end_is_not_saved(newest ? newest->step : 0, recording.how_to_continue);
  }
  return whole;
}

}  // namespace raptr
