// SPDX-License-Identifier: Apache-2.0
// raptr-pretrain: trains a language model on text, with the full network or with growing subnetworks.

#include <algorithm>
#include <chrono>
#include <new>

#include <raptr/comm/thread_ranks.hpp>
#include <raptr/comm/traced.hpp>
#include <raptr/run/recorded_training.hpp>
#include <raptr/run/resume.hpp>
#include <raptr/run/summary.hpp>

#include "../support/curves.hpp"
#include "../support/live_line.hpp"
#include "../support/processes.hpp"
#include "../support/stop_signals.hpp"
#include "memory_needs.hpp"
#include "other_ranks.hpp"
#include "run_config.hpp"
#include "unread_options.hpp"

namespace program {

namespace errors {
[[noreturn]] static void no_text() { fail("there is no text to train on: give --text FILE|DIR or --shards FILE|DIR, or --resume RUN"); }
[[noreturn]] static void out_and_resume() { fail("--out and --resume are given: --resume continues in the folder of the run, so leave --out out"); }
[[noreturn]] static void out_exists(const std::filesystem::path& run) {
  fail(shown(run) + " exists already: give another folder as --out, or continue it with --resume " + shown(run));
}
[[noreturn]] static void no_validation_targets(std::int64_t windows) {
  fail("no token of the validation text is a target" + (windows > 0 ? " in its first " + std::to_string(windows) + " windows" : std::string()) +
       ", so there is no validation loss: give a longer text, more --validation-windows or another --masking, or --validate-every 0");
}
[[noreturn]] static void ranks_on_a_device(const std::string& device) {
  fail("several ranks train on the CPU, and --device is " + device + ": leave one of them out");
}
[[noreturn]] static void nothing_to_shard() {
  fail(
      "--shard-optimizer divides the moments of the optimizer among ranks, and this run has one: leave it out, or give --ranks N or start it with "
      "mpirun -n N");
}
}  // namespace errors

namespace {

constexpr std::string_view head =
    "raptr-pretrain trains a language model on text, with growing subnetworks.\n\n"
    "  raptr-pretrain --text FILE\n"
    "  raptr-pretrain --text FILE --schedule 6-8-10-12 --steps 2000 --out RUN\n"
    "  raptr-pretrain --resume RUN\n";

/// Sets the options that the file has and the command line does not.
void read_config(const std::filesystem::path& file, option_list& options) {
  settings from_file;
  option_list of_file = options_of(from_file);
  raptr::json object = raptr::read_json(file);
  if (object.is_object() && object.contains("program") && object.contains("options"))
    object = raptr::json(object["options"]);  // the config.json of a run
  of_file.read(object, file);
  for (const option& o : of_file.all()) {
    if (!o.given) continue;
    if (!options.given(o.name)) options.set(o.name, option_list::json_of(o));
    options.find(o.name)->in_file = true;
  }
}

/// Progress output: one live line on a terminal; otherwise a plain line at every twentieth of the run, and at least twice a minute.
class console {
 public:
  /// flops: of the whole run; before: of the steps already done; peak: flop/s of all threads; 0: not known.
  console(int blocks, double flops, double before, double peak) : blocks_(blocks), flops_(flops), done_(before), peak_(peak) {}

  /// The `watch` callback of a run.
  void step(const raptr::step_report& r) {
    done_ += r.total_flops;
    if (steps_++ > 0 || r.step + 1 == r.total) seconds_ += r.seconds, computed_ += r.total_flops;  // the first step warms up
    const double rate = r.seconds > 0 ? r.total_flops / r.seconds : 0;
    smooth_ = smooth_ > 0 ? 0.9 * smooth_ + 0.1 * rate : rate;
    const auto now = std::chrono::steady_clock::now();
    const std::string speed = peak_ > 0 ? percent_text(smooth_ / peak_, 0) + " of the FMA peak" : scaled_text(smooth_) + "flop/s",
                      left = seconds_ > 0 ? duration_text((flops_ - done_) / (computed_ / seconds_)) + " left" : "";
    const std::int64_t each = (std::max)(std::int64_t{1}, r.total / 20), number = r.step + 1;
    if (screen_.live()) {
      if (r.validation_loss || r.skipped()) screen_.say(r.line());
      if (number < r.total && now - shown_ < std::chrono::milliseconds(100)) return;
      shown_ = now;
      screen_.show("stage " + std::to_string(r.stage + 1) + "/" + std::to_string(r.stages) + "  step " + std::to_string(number) + "/" +
                   std::to_string(r.total) + "  " + std::to_string(r.active_blocks) + "/" + std::to_string(blocks_) + " blocks  " +
                   (r.skipped() ? "skipped" : "loss " + fixed_text(r.loss, 3)) + "  " + scaled_text(r.tokens_per_second()) + " tokens/s  " +
                   (peak_ > 0 ? percent_text(smooth_ / peak_, 0) + " of peak  " : "") + left);
    } else if (steps_ == 1 || number % each == 0 || number == r.total || r.validation_loss || r.skipped() ||
               now - shown_ > std::chrono::seconds(30)) {
      shown_ = now;
      screen_.say(r.line() + ", " + speed + (number < r.total && !left.empty() ? ", " + left : ""));
    }
  }

 private:
  int blocks_;
  double flops_, done_, peak_;
  live_line screen_;
  std::int64_t steps_ = 0;
  double seconds_ = 0, computed_ = 0, smooth_ = 0;
  std::chrono::steady_clock::time_point shown_{};
};

void note(const std::string& sentence) { say("Note: " + sentence); }

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}
std::filesystem::path unused_name() {
  for (int k = 1;; ++k)
    if (auto name = std::filesystem::path("runs") / std::to_string(k); !is_there(name)) return name;
}

/// Solves for the ? of the schedule with a network of the same shape. Returns a line about it.
std::string solve_schedule(settings& s, corpus& text, expected_speed& speed, const std::stop_token& stop) {
  settings of_full = s;
  of_full.schedule = "full";
  const auto network = trainer_of(of_full);
  text.divide(*network);
  cost_estimator estimator(*network, text.training());
  if (s.solve_cost == "time") {
    say("Measuring steps of the network ...");
    speed.measured = measured_time(*network, estimator.data(), stop);
  }
  return solve(s, estimator, speed.measured);
}

recording_options recording_of(const settings& s, const corpus& text) {
  recording_options recording{.keep = {.last = int(s.keep_checkpoints), .every = s.keep_every},
                              .tensorboard = s.tensorboard,
                              .note = note,
                              .how_to_continue = "give --resume " + shown(s.out),
                              .tokenizer = text.tokenizer_files()};
  if (s.full_disk == "continue")
    recording.write_failed = [](const file_error& e) { say_error(std::string(e.what()) + "; continuing because of --full-disk continue"); };
  return recording;
}

/// Writes the final files, summary.json last: it marks the run as finished.
void finish(const run_files& files, const any_trainer& network, const settings& s, const run_plan& plan, const std::optional<unigram_losses>& floor) {
  const auto steps = read_metrics(files.metrics()).steps;
  const run_sums sums = sums_of(steps);
  replace_file(files.curves(), curves_svg(s.objective + ", " + std::to_string(s.layers) + " blocks, schedule " + s.schedule, {{"", steps}}));
  replace_file(files.summary(), json_text(summary_of(network, s.schedule, plan, sums, floor)));
  say("Done: " + summary_line(s.steps, sums, floor));
  say("Curves: " + shown(files.curves()));
}
int say_next(const settings& s) {
  const std::string run = shell_word(s.out.native());
  if (s.objective == "causal_lm") say("Generate: raptr-generate --run " + run + " --prompt 'In the beginning'");
  say("Compare:  raptr-compare " + run + " OTHER_RUN --out FOLDER");
  return done;
}

/// What a user may not expect of a run that is possible.
void say_notes(const settings& s, const any_trainer& network, const expected_speed& speed, const step_estimate& full) {
  const int neurons = network.layout().shape.neuron_count(), usual = model_shape{}.neuron_group;
  if (neurons % usual != 0 && s.neuron_group == default_neuron_group(neurons))
    note("the " + count_text(neurons) + " neurons are kept or dropped in groups of " + count_text(*s.neuron_group) + ", because " +
         count_text(usual) + " does not divide them; --neuron-group chooses other groups");
  if (s.positions_of_folder > s.context)
    note("the weights of --from have " + count_text(s.positions_of_folder) + " positions, of which the first " + count_text(s.context) +
         " are used and kept, because --context is " + count_text(s.context));
  if (s.rows_of_folder > 0 && s.rows_of_folder < s.vocab)
    note("the weights of --from have " + count_text(s.rows_of_folder) + " rows of embedding, and --vocab is " + count_text(s.vocab) + ": the other " +
         count_text(s.vocab - s.rows_of_folder) + " start as --seed draws them");
  if (s.validate_every == 0 && !(s.validation_text.empty() && s.validation_shards.empty()))
    note("--validate-every is 0, so no loss is measured on the validation text: it only gives the losses without context");
  if (s.tokenizer == "none")
    note("--tokenizer none: checkpoints will have no tokenizer, so those who load one have to add the files of that of the shards");
  std::vector<std::int64_t> steps{*s.warmup - 1, *s.warmup};  // where the rate may be largest
  for (const auto& stage : stage_table(network.schedule(), network.layout(), s.steps))
    steps.insert(steps.end(), {stage.first, stage.first + s.rewarm - 1, stage.last});
  for (std::int64_t k = 0; k < 1000; ++k) steps.push_back(static_cast<std::int64_t>(double(k) * 1e-3 * double(s.steps)));
  for (auto& step : steps) step = std::clamp(step, std::int64_t{0}, s.steps - 1);
  const auto rate = [&](std::int64_t step) { return network.learning_rate(step); };
  const std::int64_t best = *std::ranges::max_element(steps, {}, rate);
  if (rate(best) < 0.99 * s.learning_rate)
    note("the learning rate never reaches its peak of " + short_text(s.learning_rate, 3) + ": the largest is " + short_text(rate(best), 3) +
         ", in step " + count_text(best + 1) + " of " + count_text(s.steps) + "; shorten --warmup, which is " + count_text(*s.warmup) +
         (s.rewarm ? ", or --rewarm, which is " + count_text(s.rewarm) : "") + ", or choose another --rate-rule");
  if (const double seconds = speed.known() ? speed.seconds(full, full) / double(s.accumulate) : 0; seconds > run_options{}.finish_within)
    note("a micro-batch takes about " + duration_text(seconds) +
         " and is not interrupted, so a signal ends the run that late: reduce --batch, with a larger --accumulate for steps of the same size");
}

/// Trains in the folder of the run. That of a new one is removed if the memory does not suffice for the first step. Returns whether the run
/// reached its end.
bool train(const run_folder& folder, bool is_new, std::uint64_t log_bytes, any_trainer& network, const corpus& text, const settings& s,
           const run_plan& plan, double peak, leading_rank& leading, const std::stop_token& stop) {
  console screen(int(s.layers), plan.total_flops, plan.flops_of_first(network.steps_done()), peak);
  run_options options = network.options();
  options.stop = stop;
  if (text.validation()) options.validate = [&] { return network.evaluate(*text.validation(), s.validation_windows, stop); };
  const auto leave_nothing = [&] {
    if (is_new && network.steps_done() == 0 && step_folders(folder.files().checkpoints()).empty()) remove_folder(s.out);
  };
  try {
    const std::filesystem::path checkpoint = std::filesystem::absolute(folder.files().checkpoint(network.steps_done()));
    leading.send_start(s, network.steps_done() > 0 ? checkpoint : "", begins_with_validation(folder, log_bytes, network.steps_done(), options));
    return train_in(folder, log_bytes, network, text.training(), options, recording_of(s, text), [&](const step_report& r) { screen.step(r); });
  } catch (const std::bad_alloc&) {
    leave_nothing();
    fail("out of memory: " + memory_needs{network.parameters(), plan.activation_bytes}.text());
  } catch (const input_error&) {
    leave_nothing();
    throw;
  }
}

/// Returns an exit code. given: as for run().
int run_on(corpus& text, settings s, const option_list& given, std::optional<run_folder> folder, any_communicator& ranks, raptr::comm_trace& trace,
           leading_rank& leading, const stop_signals& signals) {
  const std::stop_token stop = signals.token();
  if (folder) expect_same_text(text, *folder, stop);
  const bool solves = !folder && to_be_solved(s);
  expected_speed speed;
  std::string solved;
  if (solves) solved = solve_schedule(s, text, speed, stop);
  const auto network = trainer_of(s, ranks);
  text.divide(*network);
  std::vector<std::string> unused;
  expect_read_at_resume(s, given);
  if (!folder) unused = unread_options(s, given, *network, text.training().vocabulary(), text.validation() != nullptr);
  speed.peak = ranks.ranks() * kind_of(s).peak_flops(int(s.threads));
  const run_plan plan = plan_of(*network, text.training(), speed);
  say(text.line());
  say("Model: " + s.objective + ", " + count_text(network->parameters()) + " parameters; " + network->device() +
      (speed.peak > 0 ? ", FMA peak " + scaled_text(speed.peak) + "flop/s" : ""));
  if (ranks.ranks() > 1)
    say("Ranks: " + count_text(ranks.ranks()) + ", each with " + count_text(s.threads) + (s.threads == 1 ? " thread" : " threads") +
        (s.rank_plans == settings{}.rank_plans ? "" : " and a plan of its own, " + s.rank_plans));
  else if (s.rank_plans != settings{}.rank_plans)
    note("--rank-plans " + s.rank_plans + " is for several ranks, and this run has one: it trains the shared plan");
  std::optional<unigram_losses> floor;
  if (text.validation()) {
    floor = network->without_context(text.training(), *text.validation(), s.validation_windows, stop);
    if (floor)
      say("Without context: " + floor_text(*floor) + " on the validation targets; a model has learnt from context only if it ends well below");
    else if (s.validate_every != 0)
      errors::no_validation_targets(s.validation_windows);
  }
  throw_if_stopped(stop);
  if (!solved.empty()) say(solved);
  say("Schedule: " + s.schedule + "\n" + plan.text);
  for (const std::string& option : unused) note("the schedule drops nothing, so nothing reads --" + option);
  say_notes(s, *network, speed, plan.full);
  const memory_needs needs{network->parameters(), plan.activation_bytes};
  const bool fits = !is_on_host(s.device) || needs.fit();  // a GPU has a memory of its own
  if (s.plan) {
    if (!fits) note("this run does not fit into the memory: " + needs.text());
    return done;
  }
  if (!fits) fail(needs.text());
  if (s.batch < ranks.ranks()) raptr::errors::batch_has_fewer_sequences_than_ranks(int(s.batch), ranks.ranks());

  std::uint64_t log_bytes = 0;
  const bool is_new = !folder;
  if (folder) {
    const resume_point point = resume(*folder, *network, note, stop);
    log_bytes = point.log_bytes;
    if (!point.checkpoint) begin_anew(s, *network, *folder);
    if (network->steps_done() == s.steps && folder->finished()) {
      if (s.tensorboard) metrics_log(folder->files(), log_bytes, true).sync();
      say("This run is finished: all " + std::to_string(s.steps) + " steps are done.");
      return say_next(s);
    }
    say("Run: " + shown(s.out) + ", resuming after step " + std::to_string(network->steps_done()) + " of " + std::to_string(s.steps));
  } else {
    std::string from;
    if (!s.from.empty()) {
      say("Weights: those of " + shown(s.from) + "; dropout of embedding " + short_text(s.dropout.embedding) + ", of residual branches " +
          short_text(s.dropout.residual) + ", of attention " + short_text(s.dropout.attention));
      if (grows(s, *network)) note("this schedule begins with some of the blocks and copies them over the others, whose weights are lost");
      from = kind_of(s).start_from(*network, s.from);
    }
    const json config = config_of(s, text, from, stop);
    throw_if_stopped(stop);
    folder = run_folder::create(s.out, config, identity_of(config));
    say("Run: " + shown(s.out));
  }
  if (!s.trace.empty()) trace.start(traced_steps);
  const bool whole = train(*folder, is_new, log_bytes, *network, text, s, plan, speed.peak, leading, stop);
  if (!s.trace.empty()) say(write_trace(ranks, trace, s.trace));
  if (!whole) {
    say("Stopped after step " + std::to_string(network->steps_done()) + " of " + std::to_string(s.steps) +
        "; everything is saved.\nResume: raptr-pretrain --resume " + shell_word(s.out.native()));
    return 128 + signals.signal();
  }
  finish(folder->files(), *network, s, plan, floor);
  return say_next(s);
}

/// Runs on rank 0 of `ranks`, or on threads as ranks. Returns an exit code.
int run_on_ranks(corpus& text, settings s, const option_list& given, std::optional<run_folder> folder, any_communicator& ranks,
                 raptr::comm_trace& trace, leading_rank& leading) {
  const stop_signals signals;
  const auto lead = [&](any_communicator& comm, raptr::comm_trace& its_trace, leading_rank& of) {
    try {
      const int code = run_on(text, s, given, std::move(folder), comm, its_trace, of, signals);
      of.dismiss();
      return code;
    } catch (const stopped&) {
      of.dismiss();
      say("Stopped before the first step; nothing was changed.");
      return 128 + signals.signal();
    }
  };
  if (s.ranks == 1) return lead(ranks, trace, leading);
  int code = done;
  raptr::run_ranks(int(s.ranks), [&](raptr::thread_rank& rank) {
    raptr::comm_trace its_trace;
    raptr::traced watched(rank, its_trace);
    any_communicator comm(watched);
    leading_rank of(comm);
    if (rank.rank() == 0)
      code = lead(comm, its_trace, of);
    else
      follow(text, s, comm, its_trace, false, signals.token());
  });
  return code;
}

/// Returns an exit code. given: the options set by the command line and the configuration file.
int run(settings s, const option_list& given, any_communicator& ranks, raptr::comm_trace& trace) {
  std::optional<run_folder> folder;
  std::optional<any_tokenizer> tokenizer;
  if (!s.resume.empty()) {
    if (given.given("out")) errors::out_and_resume();
    const settings now = std::exchange(s, settings{});
    folder = run_folder::open(now.resume);
    auto before = resumed(*folder, given);
    s = std::move(before.options), tokenizer = std::move(before.tokenizer);
    s.out = now.resume, s.plan = now.plan;
  } else {
    if (s.text.empty() && s.shards.empty()) errors::no_text();
    if (s.out.empty()) s.out = unused_name();
    if (!s.out.has_filename()) s.out = s.out.parent_path();
    if (!s.plan && is_there(s.out)) errors::out_exists(s.out);
    if (!s.from.empty()) take_shape(s, given);
    (void)to_be_solved(s);  // before a long text is read
  }
  const int processors = cpu_backend::available_threads();
  if (s.ranks > 1 && ranks.ranks() > 1) errors::two_kinds_of_ranks(s.ranks, ranks.ranks());
  if (s.ranks > processors) errors::more_ranks_than_processors(s.ranks, processors);
  if (s.ranks * ranks.ranks() > 1 && !is_on_host(s.device)) errors::ranks_on_a_device(s.device);
  if (s.ranks * ranks.ranks() == 1 && s.shard_optimizer) errors::nothing_to_shard();
  if (s.ranks * ranks.ranks() == 1 && !s.trace.empty()) errors::trace_of_one_rank();
  leading_rank leading(ranks);
  leading.send_options(s);
  if (ranks.ranks() > 1) {
    const int threads = threads_of_rank(ranks, note);
    if (s.threads == 0) s.threads = threads;
  } else if (s.ranks > 1 && s.threads == 0) {
    s.threads = processors / s.ranks;
  }
  say("Reading the text ...");
  corpus text(s, folder ? tokenizer_of_run(folder->config()) : "", std::move(tokenizer));
  s.inside_word = text.inside_word();
  return run_on_ranks(text, s, given, std::move(folder), ranks, trace, leading);
}

/// As one rank of several processes, or alone.
int start(int count, char** words, any_communicator& ranks, raptr::comm_trace& trace) {
  expect_same_arguments(ranks, count, words);
  if (ranks.rank() > 0) return follow_in_process(ranks, trace), done;
  settings s;
  option_list options = options_of(s);
  if (helped(count, words, options, head)) {
    leading_rank(ranks).dismiss();
    return done;
  }
  options.read(count, words);
  if (!s.config.empty()) read_config(s.config, options);
  s.settle();
  return run(s, options, ranks, trace);
}

}  // namespace

}  // namespace program

int main(int count, char** words) {
  return program::guarded([&] { return program::in_processes([&](auto&... ranks) { return program::start(count, words, ranks...); }); });
}
