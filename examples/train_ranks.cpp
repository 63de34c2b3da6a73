// SPDX-License-Identifier: Apache-2.0
// Trains one model on several ranks: the processes that mpirun has started, or two threads without it.
//   mpirun -n 2 train_ranks
#include <cmath>
#include <cstdio>

#include <raptr/backend/cpu.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/raptr.hpp>
#include <raptr/tokenizers/byte.hpp>

#ifdef RAPTR_EXAMPLE_MPI  // set by CMake with the target raptr::mpi
#include <raptr/comm/mpi.hpp>
#endif

namespace {

constexpr raptr::model_shape shape{.layers = 8, .width = 32, .heads = 2, .vocab = 259, .context = 32};
constexpr int steps = 30;

/// Every rank calls it, with a model of its own. Returns the loss of the full network, the same on each.
template <raptr::communicator Comm> double train(Comm& comm, const raptr::token_source auto& text, int threads) {
  raptr::transformer<raptr::gpt2_block, raptr::causal_lm, raptr::cpu> model(shape, {.threads = threads});
  raptr::trainer trainer(std::move(model), raptr::any_schedule("4-6-8"), raptr::adamw{.lr = 3e-3}, raptr::warmup_cosine{.warmup = 4}, comm);
  std::uint64_t sent = 0;
  trainer.run(text, {.steps = steps, .batch = 6}, [&](const raptr::step_report& now) {
    sent += now.bytes_sent;
    if (comm.rank() == 0 && now.step % 10 == 9) std::printf("%s, %.2f MB sent\n", now.line().c_str(), double(sent) / 1e6), sent = 0;
  });
  return trainer.evaluate(text, 6);
}

/// Of the processors that this process may use. Ranks in one process divide them; mpirun may have bound each process to some.
int threads_of_a_rank(int ranks_here) { return std::max(1, raptr::cpu_backend::available_threads() / ranks_here); }

}  // namespace

int main() {
  std::string words;
  for (int n = 0; n < 900; ++n) words += std::to_string(n) + (n % 3 ? " green bottles, " : " fizz, ");
  const std::string_view documents[] = {words};
  const raptr::token_stream text(raptr::byte_tokenizer{}, documents);

#ifdef RAPTR_EXAMPLE_MPI
  raptr::mpi comm;
  if (comm.ranks() > 1) {
    try {
      if (const std::string note = comm.note(); comm.rank() == 0 && !note.empty()) std::printf("Note: %s\n", note.c_str());
      const double loss = train(comm, text, 1);
      if (comm.rank() == 0) std::printf("%d processes: %.4f\n", comm.ranks(), loss);
      return loss < 4 ? 0 : 1;
    } catch (const std::exception& e) {
      comm.end_all(e.what());  // "raptr: rank 1: ...", and the end of the others
    }
  }
#endif
  try {
    raptr::single_process alone;
    const double one = train(alone, text, 0);
    double two = 0;
    raptr::run_ranks(2, [&](raptr::thread_rank& rank) {
      const double loss = train(rank, text, threads_of_a_rank(2));
      if (rank.rank() == 0) two = loss;
    });
    std::printf("one rank: %.4f, two threads: %.4f\n", one, two);
    return std::abs(one - two) < .02 && two < 4 ? 0 : 1;
  } catch (const raptr::error& e) {
    std::puts(e.what());
    return 1;
  }
}
