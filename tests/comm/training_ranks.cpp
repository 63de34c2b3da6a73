// SPDX-License-Identifier: Apache-2.0
// A rank that trains, on MPI or as one of two threads:  training_ranks mpi|threads WHAT LIMIT STEP RANK MICROSECONDS [MARK]
// Its faults are those of one rank: killed or stopped that long after a step, or late there, or ended by an error, or at odds with the others
// from the start, in an option or in its text. tests/soak/ranks.sh starts it, finds it by the mark, and says what is expected; another binary
// is this file by another compiler.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <raptr/backend/cpu.hpp>
#include <raptr/comm/mpi.hpp>
#include <raptr/comm/thread_ranks.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/raptr.hpp>
#include <raptr/tokenizers/byte.hpp>

namespace {

using namespace raptr;

struct fault {
  std::string what;
  double limit;
  int step, rank, microseconds;
};

void signal_later(int signal, int microseconds) {
  std::thread([=] {
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
    kill(getpid(), signal);
  }).detach();
}

/// One option of the rank at odds, another one for each step that is given.
void differ(run_options& options, double& rate, int step) {
  if (step % 4 == 0) options.seed = 2;
  if (step % 4 == 1) options.batch = 12;
  if (step % 4 == 2) options.clip = 2;
  if (step % 4 == 3) rate = 2e-3;
}

void train(const fault& f, communicator auto& comm) {
  const bool fails = comm.rank() == f.rank;
  std::string words;
  for (int n = 0; n < 300; ++n) words += std::to_string(n) + (n % 3 ? " green bottles, " : " fizz, ");
  if (fails && f.what == "text") words[words.size() * static_cast<std::size_t>(f.step) / 30] ^= 1;
  const std::string_view documents[] = {words};
  const token_stream text(byte_tokenizer{}, documents);
  run_options options{.steps = 30, .batch = 8, .seed = 1};
  double rate = 1e-3;
  if (fails && f.what == "option") differ(options, rate, f.step);

  transformer<gpt2_block, causal_lm, cpu> model({.layers = 4, .width = 32, .heads = 2, .vocab = 259, .context = 32}, {.threads = 1});
  trainer trainer(std::move(model), any_schedule("2-4"), adamw{.lr = rate}, comm);
  trainer.run(text, options, [&](const step_report& now) {
    if (comm.rank() == 0) std::printf("step %d, loss %.9g\n", int(now.step) + 1, now.loss), std::fflush(stdout);
    if (!fails || now.step + 1 != f.step) return;
    std::fprintf(stderr, "rank fails: %s\n", f.what.c_str());
    if (f.what == "error") fail("the text has ended");
    if (f.what == "kill") signal_later(SIGKILL, f.microseconds);
    if (f.what == "stop") signal_later(SIGSTOP, f.microseconds);
    if (f.what == "late") std::this_thread::sleep_for(std::chrono::duration<double>(3 * f.limit));
    if (f.what == "pause") std::this_thread::sleep_for(std::chrono::duration<double>(f.limit / 2));  // for the script to stop all of them
  });
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int k) { return argc > k ? std::atof(argv[k]) : 0; };
  const fault f{argc > 2 ? argv[2] : "none", number(3), int(number(4)), int(number(5)), int(number(6))};
  const comm_limits limits{.slow = 10 + f.limit, .usual = f.limit};
  if (argc > 1 && std::string_view(argv[1]) == "threads") try {
      run_ranks(
          2, [&](thread_rank& comm) { train(f, comm); }, limits);
      return std::puts("every rank is done"), 0;
    } catch (const std::exception& e) {
      return std::fprintf(stderr, "%s\n", e.what()), 1;
    }
  mpi comm(limits);
  try {
    train(f, comm);
  } catch (const std::exception& e) {
    comm.end_all(e.what());
  }
  if (comm.rank() == 0) std::puts("every rank is done");
}
