// SPDX-License-Identifier: Apache-2.0
#include "run.hpp"

#include <sys/file.h>

#include <raptr/base/version.hpp>
#include <raptr/io/steps.hpp>

#include "../support/curves.hpp"
#include "../support/process.hpp"
#include "../support/run_files.hpp"
#include "../support/stop_signals.hpp"
#include "console.hpp"
#include "corpus.hpp"
#include "metrics_log.hpp"
#include "plan_table.hpp"

namespace program {

namespace errors {
[[noreturn]] void no_text() { raptr::fail("there is no text to train on: give --text FILE|DIR, or --resume RUN"); }
[[noreturn]] void run_exists(const std::filesystem::path& run) {
  raptr::fail(raptr::shown(run) + " exists already: give another folder as --out, or go on with --resume " + raptr::shown(run));
}
[[noreturn]] void no_run(const std::filesystem::path& run) { raptr::fail<raptr::file_error>(raptr::shown(run) + " is no folder of a run: it has no config.json"); }
[[noreturn]] void run_in_use(const std::filesystem::path& run) { raptr::fail(raptr::shown(run) + " is in use by another process: stop that one first"); }
[[noreturn]] void option_differs(std::string_view name, const std::string& stored, const std::string& given, const std::string& more) {
  raptr::fail("--" + std::string(name) + " is " + given + ", but the run was started with " + stored + more + ": leave it out to go on, or start a new run with --out");
}
[[noreturn]] void text_differs(std::string_view name, const std::string& stored, const std::string& found) {
  raptr::fail("the text under --" + std::string(name) + " is not the one that the run was started with (hash " + found + " instead of " + stored +
              "): bring the old text back, or start a new run with --out");
}
[[noreturn]] void out_and_resume() { raptr::fail("--out and --resume are given: --resume goes on in the run's own folder, so leave --out out"); }
}  // namespace errors

namespace {

namespace fs = std::filesystem;
constexpr int config_format = 1;

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

// ---- the folder of a run

/// Held as long as a process works on a run.
class run_lock {
 public:
  explicit run_lock(const fs::path& run) : folder_(raptr::open_file::folder(run)) {
    if (::flock(folder_.descriptor(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) errors::run_in_use(run);
  }

 private:
  raptr::open_file folder_;
};

fs::path unused_name() {
  for (int k = 1;; ++k)
    if (const fs::path name = fs::path("runs") / std::to_string(k); !fs::exists(fs::symlink_status(name))) return name;
}
void refuse_existing(const fs::path& run) {
  std::error_code code;
  if (fs::exists(fs::symlink_status(run, code))) errors::run_exists(run);
}
/// The folder appears with its config.json, so that what exists can be resumed.
void create(const fs::path& run, const raptr::json& config) {
  raptr::make_folders(raptr::folder_of(run));
  const fs::path partial = raptr::partial_name(run);
  std::error_code ignored;
  fs::remove_all(partial, ignored);
  try {
    raptr::make_folders(partial / "checkpoints");
    raptr::write_file(run_files{partial}.config(), raptr::json_text(config));
    raptr::sync_folder(partial);
    refuse_existing(run);
    if (std::rename(partial.c_str(), run.c_str()) != 0) raptr::errors::system_refused("make the folder", run, errno);
  } catch (...) {
    fs::remove_all(partial, ignored);
    throw;
  }
  raptr::sync_folder(raptr::folder_of(run));
}

raptr::json config_of(const option_list& options, const corpus& text) {
  raptr::json values;
  for (const option& o : options.all())
    if (stored(o)) values[std::string(o.name)] = option_list::json_of(o);
  return {{"format", config_format}, {"program", "raptr-pretrain"}, {"version", raptr::library_version}, {"options", std::move(values)}, {"hashes", text.hashes()}};
}

// ---- resuming

std::string borders_text(const settings& s, const network_trainer& network) {
  std::string text;
  for (const auto& stage : network.stages()) text += (text.empty() ? "" : ", ") + std::to_string(stage.last + 1);
  return s.schedule + " over " + std::to_string(s.steps) + " steps, stages ending at " + text;
}
std::unique_ptr<network_trainer> trainer_of(const settings& s) { return s.objective == "causal_lm" ? make_causal_trainer(s) : make_masked_trainer(s); }

/// Both plans, where the difference is one of plans: the stored one, and what it would be with what is given.
std::string plans_text(const settings& before, const option_list& given) {
  settings now = before;
  option_list options = options_of(now);
  for (const option& o : given.all())
    if (o.given && stored(o)) options.set(o.name, option_list::json_of(o));
  try {
    return " (" + borders_text(before, *trainer_of(before)) + "; it would be " + borders_text(now, *trainer_of(now)) + ")";
  } catch (const raptr::error&) {
    return "";  // what is given is no plan at all
  }
}

/// The options of the stored run, with what may differ taken from the command line; refuses anything else that differs.
settings resumed(const fs::path& run, const option_list& given, raptr::json& config) {
  const run_files files{run};
  std::error_code ignored;
  if (!fs::exists(files.config(), ignored)) errors::no_run(run);
  config = raptr::read_json(files.config());
  if (const int format = raptr::json_member<int>(config, "format", files.config()); format != config_format)
    raptr::errors::wrong_member(files.config(), "format", std::to_string(config_format), std::to_string(format));
  settings s;
  option_list options = options_of(s);
  options.read(raptr::json_member<raptr::json>(config, "options", files.config()), files.config());
  const settings before = s;
  for (const option& o : given.all()) {
    if (!o.given || !stored(o)) continue;
    const raptr::json stored_value = option_list::json_of(*options.find(o.name)), value = option_list::json_of(o);
    if (free_at_resume(o.name)) options.set(o.name, value);
    else if (value != stored_value)
      errors::option_differs(o.name, raptr::detail::shown_json(stored_value), raptr::detail::shown_json(value), o.topic == "schedule" || o.name == "steps" ? plans_text(before, given) : "");
  }
  return s;
}

// ---- the end

raptr::json summary_of(const network_trainer& network, const settings& s, const run_plan& plan, const run_sums& sums) {
  const auto or_null = [](const std::optional<double>& x) { return x ? raptr::json(*x) : raptr::json(nullptr); };
  return {{"format", 1},
          {"steps", s.steps},
          {"schedule", s.schedule},
          {"parameters", network.parameters()},
          {"loss", or_null(sums.loss)},
          {"validation_loss", or_null(sums.validation_loss)},
          {"tokens", sums.tokens},
          {"skipped_steps", sums.skipped},
          {"block_flops", sums.block_flops},
          {"total_flops", sums.total_flops},
          {"full_block_flops", plan.full_block_flops},
          {"full_total_flops", plan.full_total_flops},
          {"checkpoint", "checkpoints/" + raptr::step_name(s.steps)},
          {"device", network.device()},
          {"training_seconds", sums.seconds}};
}
void finish(const run_files& files, const network_trainer& network, const settings& s, const run_plan& plan) {
  const auto steps = read_metrics(files.metrics()).steps;
  const run_sums sums = sums_of(steps);
  raptr::replace_file(files.curves(), curves_svg(s.objective + ", " + std::to_string(s.layers) + " blocks, schedule " + s.schedule, {{"", steps}}));
  raptr::replace_file(files.summary(), raptr::json_text(summary_of(network, s, plan, sums)));  // last: it says that the run is finished
  say("Done: " + count_text(s.steps) + " steps in " + duration_text(sums.seconds) + ", loss " + (sums.loss ? fixed_text(*sums.loss, 4) : "-") +
      (sums.validation_loss ? ", validation loss " + fixed_text(*sums.validation_loss, 4) : "") + ", " + scaled_text(sums.block_flops) + " block FLOPs, " + scaled_text(sums.total_flops) +
      " in all" + (sums.skipped ? ", " + count_text(sums.skipped) + " steps skipped" : ""));
  say("Curves: " + raptr::shown(files.curves()));
}
void say_next(const run_files& files, const settings& s) {
  const std::string run = shell_word(files.folder.native());
  if (s.objective == "causal_lm") say("Generate: raptr-generate --run " + run + " --prompt 'In the beginning'");
  say("Compare:  raptr-compare --runs " + run + " OTHER_RUN --out FOLDER");
}

/// Keeps what a run that was never stopped would have kept: the checkpoint of a stop goes when a regular one is whole.
void remove_old(const run_files& files, std::int64_t newest, const settings& s) {
  const auto regular = [&](std::int64_t step) { return step == s.steps || (*s.checkpoint_every > 0 && step % *s.checkpoint_every == 0) || (s.keep_every > 0 && step % s.keep_every == 0); };
  if (!regular(newest)) return;
  for (const auto& old : raptr::step_folders(files.checkpoints()))
    if (old.step < newest && !regular(old.step)) raptr::remove_folder(old.path);
  raptr::remove_old_steps(files.checkpoints(), newest, {.last = int(s.keep_checkpoints), .every = s.keep_every});
}

}  // namespace

int run(settings s, const option_list& given) {
  const bool resumes = !s.resume.empty();
  if (resumes && given.given("out")) errors::out_and_resume();
  raptr::json config;
  if (resumes) {
    const settings now = std::exchange(s, settings{});
    s = resumed(now.resume, given, config);
    s.resume = now.resume, s.out = now.resume, s.plan = now.plan;
  } else {
    if (s.text.empty()) errors::no_text();
    if (s.out.empty()) s.out = unused_name();
    if (!s.out.has_filename()) s.out = s.out.parent_path();
    if (!s.plan) refuse_existing(s.out);
  }
  const run_files files{s.out};
  std::optional<run_lock> lock;
  if (resumes) lock.emplace(s.out);

  say("Reading the text ...");
  corpus text(s);
  if (resumes) {
    const raptr::json hashes = text.hashes(), before = raptr::json_member<raptr::json>(config, "hashes", files.config());
    for (const auto& [name, hash] : hashes.items())
      if (const auto old = raptr::json_member<std::string>(before, name, files.config()); old != hash) errors::text_differs(name, old, hash.get<std::string>());
  }
  const stop_signals signals;
  if (const int size = raptr::byte_tokenizer::vocabulary().size; s.vocab < size) raptr::errors::tokenizer_is_larger_than_the_vocabulary(size, int(s.vocab));
  const auto network = trainer_of(s);
  text.divide(*network);
  const run_plan plan = plan_of(s, *network, text.training());
  const double peak = network->peak_flops();

  say(text.line());
  say("Model: " + s.objective + ", " + count_text(network->parameters()) + " parameters; " + network->device() + ", FMA peak " + scaled_text(peak) + "flop/s");
  say("Schedule: " + s.schedule + "\n" + plan.text + "Expected time: about " + duration_text(plan.total_flops / (0.5 * peak)) + " at half of the peak of this machine.");
  if (s.plan) return done;

  const auto note = [](const std::string& sentence) { say("Note: " + sentence); };
  std::uint64_t keep = 0;
  if (resumes) {
    (void)raptr::remove_partial_folders(files.checkpoints());
    if (const auto newest = files.newest(note)) {
      network->load(newest->path);
      say("Going on after step " + std::to_string(newest->step) + " of " + std::to_string(s.steps));
    } else {
      note("there is no checkpoint yet, so the run begins anew");
    }
    std::error_code ignored;
    const auto log = fs::exists(files.metrics(), ignored) ? read_metrics(files.metrics()) : metrics_file{};
    const auto done_steps = static_cast<std::size_t>(network->steps_done());
    if (log.ends.size() < done_steps) note("metrics.jsonl ends at step " + std::to_string(log.ends.size()) + ", before the checkpoint");
    if (done_steps > 0 && !log.ends.empty()) keep = log.ends[(std::min)(done_steps, log.ends.size()) - 1];
    if (network->steps_done() == s.steps && fs::exists(files.summary(), ignored)) {
      say("This run is finished: all " + std::to_string(s.steps) + " steps are done.");
      say_next(files, s);
      return done;
    }
  }
  if (signals.signal()) return 128 + signals.signal();
  if (!resumes) {
    const fs::path absolute = fs::absolute(s.out);
    option_list options = options_of(s);
    create(absolute, config_of(options, text));
    lock.emplace(s.out);
  }
  say("Run: " + raptr::shown(s.out));

  metrics_log log(files.metrics(), keep);
  std::optional<console> screen;
  screen.emplace(int(s.layers), plan.total_flops, plan.flops_of_first(network->steps_done()), peak);
  bool log_failed = false, save_failed = false;
  // What a write that fails does: it throws on, or it is told and the run goes on.
  const auto careful = [&](bool& failed, auto write) {
    try {
      write();
      failed = false;
    } catch (const raptr::file_error& e) {
      if (s.full_disk == "stop") throw;
      if (!failed) say_error(std::string(e.what()) + "; going on, as --full-disk continue asks for");
      failed = true;
    }
  };
  raptr::run_options options{.steps = s.steps, .batch = int(s.batch), .accumulate = int(s.accumulate), .seed = static_cast<std::uint64_t>(s.seed), .clip = s.clip,
                             .max_nonfinite = int(s.max_nonfinite), .save_every = *s.checkpoint_every, .stop = signals.token()};
  if (text.validation() && *s.validate_every > 0) options.validate_every = *s.validate_every, options.validate = [&] { return network->evaluate(*text.validation()); };
  options.save = [&] {
    careful(log_failed, [&] { log.sync(); });
    careful(save_failed, [&] {
      network->save(files.checkpoint(network->steps_done()));
      remove_old(files, network->steps_done(), s);
    });
  };
  const bool whole = network->run(text.training(), options, [&](const raptr::step_report& r) {
    screen->step(r);
    careful(log_failed, [&] { log.append(metrics_line(r)); });
  });
  screen.reset();
  if (save_failed || log_failed) {
    const auto newest = files.newest(note);
    raptr::fail<raptr::file_error>("the last checkpoint or the log could not be written: the newest good checkpoint is of step " + std::to_string(newest ? newest->step : 0) +
                                   "; make room and give --resume " + raptr::shown(s.out));
  }
  if (!whole) {
    say("Stopped after step " + std::to_string(network->steps_done()) + " of " + std::to_string(s.steps) + "; everything is saved.\nGo on: raptr-pretrain --resume " +
        shell_word(s.out.native()));
    return 128 + signals.signal();
  }
  finish(files, *network, s, plan);
  say_next(files, s);
  return done;
}

}  // namespace program
