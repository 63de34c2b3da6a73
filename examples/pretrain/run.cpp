// SPDX-License-Identifier: Apache-2.0
#include "run.hpp"

#include "../support/process.hpp"
#include "../support/stop_signals.hpp"
#include "console.hpp"
#include "ending.hpp"
#include "metrics_log.hpp"
#include "resume.hpp"
#include "schedule.hpp"
#include "start_from.hpp"

namespace program {

namespace errors {
[[noreturn]] static void no_text() { raptr::fail("there is no text to train on: give --text FILE|DIR or --shards FILE|DIR, or --resume RUN"); }
[[noreturn]] static void out_and_resume() {
  raptr::fail("--out and --resume are given: --resume continues in the folder of the run, so leave --out out");
}
[[noreturn]] static void end_is_not_saved(std::int64_t newest, const std::filesystem::path& run) {
  raptr::fail<raptr::file_error>("the last checkpoint or the log could not be written: the newest good checkpoint is of step " +
                                 std::to_string(newest) + "; free disk space and give --resume " + raptr::shown(run));
}
}  // namespace errors

namespace {

void note(const std::string& sentence) { say("Note: " + sentence); }

/// Handles failed writes: rethrows the error, or reports it once and continues the run.
class careful_writer {
 public:
  explicit careful_writer(bool goes_on) : goes_on_(goes_on) {}
  bool failed() const { return failed_; }
  template <class Write> void operator()(Write&& write) {
    try {
      write();
      failed_ = false;
    } catch (const raptr::file_error& e) {
      if (!goes_on_) throw;
      if (!failed_) say_error(std::string(e.what()) + "; continuing because of --full-disk continue");
      failed_ = true;
    }
  }

 private:
  bool goes_on_, failed_ = false;
};

/// Solves for the ? of the schedule with a network of the same shape. Returns a line about it.
std::string solve_schedule(settings& s, corpus& text, expected_speed& speed) {
  settings of_full = s;
  of_full.schedule = "full";
  const auto network = trainer_of(of_full);
  text.divide(*network);
  cost_estimator estimator(s, *network, text.training());
  if (s.solve_cost == "time") {
    say("Measuring steps of the network ...");
    speed.measured = measured_time(*network, estimator.data());
  }
  return solve(s, estimator, speed.measured);
}

/// Trains from the current step of the network to the last one. Returns whether it got there.
bool train(const settings& s, const run_files& files, network_trainer& network, const corpus& text, const run_plan& plan, double peak,
           std::uint64_t keep, const std::stop_token& stop) {
  metrics_log log(files, keep, s.tensorboard);
  console screen(int(s.layers), plan.total_flops, plan.flops_of_first(network.steps_done()), peak);
  careful_writer write_log(s.full_disk == "continue"), write_checkpoint(s.full_disk == "continue");
  write_log([&] { log.sync(); });  // the events of the steps that are done
  raptr::run_options options{.steps = s.steps,
                             .batch = int(s.batch),
                             .accumulate = int(s.accumulate),
                             .seed = static_cast<std::uint64_t>(s.seed),
                             .clip = s.clip,
                             .max_nonfinite = int(s.max_nonfinite),
                             .save_every = *s.checkpoint_every,
                             .stop = stop};
  if (text.validation() && *s.validate_every > 0) {
    options.validate_every = *s.validate_every;
    options.validate = [&] { return network.evaluate(*text.validation()); };
  }
  options.save = [&] {
    write_log([&] { log.sync(); });  // first, so that no checkpoint is ahead of the log
    write_checkpoint([&] {
      network.save(files.checkpoint(network.steps_done()));
      remove_old(files, network.steps_done(), s);
    });
  };
  const bool whole = network.run(text.training(), options, [&](const raptr::step_report& r) {
    screen.step(r);
    write_log([&] { log.append(r); });
  });
  if (write_log.failed() || write_checkpoint.failed()) {
    const auto newest = files.newest(note);
    errors::end_is_not_saved(newest ? newest->step : 0, s.out);
  }
  return whole;
}

}  // namespace

int run(settings s, const option_list& given) {
  const bool resumes = !s.resume.empty();
  raptr::json config;
  if (resumes) {
    if (given.given("out")) errors::out_and_resume();
    const settings now = std::exchange(s, settings{});
    s = resumed(now.resume, given, config);
    s.out = now.resume, s.plan = now.plan;
  } else {
    if (s.text.empty() && s.shards.empty()) errors::no_text();
    if (s.out.empty()) s.out = unused_name();
    if (!s.out.has_filename()) s.out = s.out.parent_path();
    if (!s.plan) refuse_existing(s.out);
    if (!s.from.empty()) take_shape(s, given);
  }
  const bool solves = !resumes && to_be_solved(s);
  const run_files files{s.out};
  std::optional<raptr::folder_lock> lock;
  if (resumes) lock = lock_run(s.out);

  say("Reading the text ...");
  corpus text(s);
  if (resumes) expect_same_text(text, config, files.config());
  s.ids = text.vocabulary();
  const stop_signals signals;
  expected_speed speed;
  std::string solved;
  if (solves) solved = solve_schedule(s, text, speed);
  const auto network = trainer_of(s);
  text.divide(*network);
  const double peak = speed.peak = network->peak_flops();
  const run_plan plan = plan_of(s, *network, text.training(), speed);
  say(text.line());
  say("Model: " + s.objective + ", " + count_text(network->parameters()) + " parameters; " + network->device() + ", FMA peak " + scaled_text(peak) +
      "flop/s");
  if (!solved.empty()) say(solved);
  say("Schedule: " + s.schedule + "\n" + plan.text);
  if (s.plan) return done;

  std::uint64_t keep = 0;
  if (resumes) {
    keep = go_back_to_checkpoint(files, *network, s, config, note);
    std::error_code ignored;
    if (network->steps_done() == s.steps && std::filesystem::exists(files.summary(), ignored)) {
      if (s.tensorboard) metrics_log(files, keep, true).sync();
      say("This run is finished: all " + std::to_string(s.steps) + " steps are done.");
      say_next(files, s);
      return done;
    }
    say("Run: " + raptr::shown(s.out) + ", resuming after step " + std::to_string(network->steps_done()) + " of " + std::to_string(s.steps));
  }
  if (signals.signal()) return 128 + signals.signal();
  if (!resumes) {
    std::string from;
    if (!s.from.empty()) {
      say("Weights: those of " + raptr::shown(s.from) + "; there is no dropout, whatever rates its config.json has");
      if (grows(s, *network)) note("this schedule begins with some of the blocks and copies them over the others, whose weights are lost");
      from = network->start_from(s.from);
    }
    lock = create(s.out, config_of(s, text, from));
    say("Run: " + raptr::shown(s.out));
  }
  if (!train(s, files, *network, text, plan, peak, keep, signals.token())) {
    say("Stopped after step " + std::to_string(network->steps_done()) + " of " + std::to_string(s.steps) +
        "; everything is saved.\nResume: raptr-pretrain --resume " + shell_word(s.out.native()));
    return 128 + signals.signal();
  }
  finish(files, *network, s, plan);
  say_next(files, s);
  return done;
}

}  // namespace program
