// SPDX-License-Identifier: Apache-2.0
// What ranks other than 0 do: rank 0 reads the options, writes the folder, the log and the progress, and tells them the rest in two messages.
#pragma once

#include <raptr/run/any_trainer.hpp>

#include "../support/rank_trace.hpp"
#include "../support/stop_signals.hpp"
#include "corpus.hpp"
#include "schedule.hpp"

namespace program {

/// Rank 0's side of the two messages. An empty one, or the end of rank 0, lets the others go.
class leading_rank {
 public:
  explicit leading_rank(raptr::any_communicator& comm) : comm_(comm) {}
  /// The options, with the text that they name. Ranks of one process have them.
  void send_options(settings& s) {
    const option_list options = options_of(s);
    raptr::json all = raptr::json::object();
    for (const option& o : options.all())
      if (!o.topic.empty() && o.name != "out") all[std::string(o.name)] = option_list::json_of(o);
    send(raptr::json_text(all));
  }
  /// checkpoint: empty for a new run. validates_first: the validation of the step before is missing.
  void send_start(const settings& s, const std::filesystem::path& checkpoint, bool validates_first) {
    done_ = true;
    send(raptr::json_text({{"schedule", raptr::bytes_to_json(s.schedule)},
                           {"checkpoint", raptr::bytes_to_json(checkpoint.native())},
                           {"validates_first", validates_first}}));
  }
  void dismiss() {
    if (!done_) send("");
    done_ = true;
  }

 private:
  void send(const std::string& text) {
    if (comm_.ranks() > 1) (void)of_rank_0(comm_, text, "start of the run");
  }
  raptr::any_communicator& comm_;
  bool done_ = false;
};

/// Trains with rank 0, which has divided the text if both are in one process.
inline void follow(corpus& text, settings s, raptr::any_communicator& comm, raptr::comm_trace& trace, bool divides, const std::stop_token& stop) {
  const std::string start = of_rank_0(comm, "", "start of the run");
  if (start.empty()) return;
  const std::filesystem::path from = "the message of rank 0";
  const raptr::json what = raptr::parse_json(start, from);
  s.schedule = raptr::bytes_from_json(what["schedule"], from);
  const auto network = trainer_of(s, comm);
  if (divides) text.divide(*network);
  if (const std::string checkpoint = raptr::bytes_from_json(what["checkpoint"], from); !checkpoint.empty())
    network->load(checkpoint);
  else if (!s.from.empty())
    (void)kind_of(s).start_from(*network, s.from);
  raptr::run_options options = network->options();
  options.stop = stop, options.also_save_every = s.keep_every, options.save = [] {};
  if (text.validation()) options.validate = [&] { return network->evaluate(*text.validation(), s.validation_windows, stop); };
  if (!s.trace.empty()) trace.start(traced_steps);
  try {
    if (what["validates_first"].get<bool>()) (void)options.validate();
    (void)network->run(text.training(), options, [](const raptr::step_report&) {});
  } catch (const raptr::stopped&) {  // rank 0 says so
  }
  if (!s.trace.empty()) (void)write_trace(comm, trace, s.trace);
}

/// A rank in a process of its own.
inline void follow_in_process(raptr::any_communicator& comm, raptr::comm_trace& trace) {
  const std::string given = of_rank_0(comm, "", "start of the run");
  if (given.empty()) return;
  settings s;
  option_list options = options_of(s);
  options.read(raptr::parse_json(given, "the message of rank 0"), "the message of rank 0");
  const int threads = threads_of_rank(comm, [](const std::string&) {});
  if (s.threads == 0) s.threads = threads;
  corpus text(s);
  s.inside_word = text.inside_word();
  const stop_signals signals;
  follow(text, s, comm, trace, true, signals.token());
}

}  // namespace program
