// SPDX-License-Identifier: Apache-2.0
// One rank of a run on MPI that does what its first argument says; its second one is the limit in seconds, its third one the step before
// which the last rank fails. mpi.sh starts it and says what is expected.
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <raptr/comm/mpi.hpp>

#include "communicator_checks.hpp"

namespace {

using namespace raptr;

/// The last rank fails in some way.
void fail_as(const std::string& how, double limit) {
  std::fprintf(stderr, "the last rank fails: %s\n", how.c_str());
  if (how == "error") fail("the text has ended");
  if (how == "exit") std::exit(3);
  if (how == "quick_exit") std::_Exit(0);
  if (how == "kill") std::raise(SIGKILL);
  if (how == "stop") std::raise(SIGSTOP);
  if (how == "late") std::this_thread::sleep_for(std::chrono::duration<double>(3 * limit));
}

/// The sums are carried out while the rank does not call the communicator.
void check_progress(mpi& comm) {
  if (comm.ranks() == 1 || !comm.note().empty()) return;
  const std::uint64_t before = comm.bytes_sent();
  std::vector<float> data(1000 * static_cast<std::size_t>(comm.ranks()), 1);
  comm.sum(testing::host, std::span(data), {"sum"});
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (comm.bytes_sent() - before < 8000 * static_cast<std::size_t>(comm.ranks() - 1) && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  testing::require(comm.bytes_sent() - before == 8000 * static_cast<std::size_t>(comm.ranks() - 1), "progress without finish()");
  comm.finish(testing::host, {"sum"});
}

void run(const std::string& what, mpi& comm, double limit, int fails_at) {
  if (what == "checks" || what == "multiple" || what == "funneled") {
    testing::check_communicator(comm);
    check_progress(comm);
  } else if (std::ranges::find(testing::disagreements, what) != std::end(testing::disagreements)) {
    testing::disagree(comm, what);
  } else {
    const bool last = comm.rank() == comm.ranks() - 1;
    testing::take_steps(comm, last && what == "early" ? fails_at : 20, [&](int step) {
      if (last && step == fails_at) fail_as(what, limit);
    });
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "checks";
  const double limit = argc > 2 ? std::atof(argv[2]) : 20;
  const int fails_at = argc > 3 ? std::atoi(argv[3]) : 4;
  const bool started = what == "multiple" || what == "funneled" || what == "start";
  int level = 0, rank = 0, ranks = 0;
  if (started) {
    MPI_Init_thread(&argc, &argv, what == "funneled" ? MPI_THREAD_FUNNELED : MPI_THREAD_MULTIPLE, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank), MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (what == "start" && rank == ranks - 1) std::this_thread::sleep_for(std::chrono::seconds(20));
  }
  try {
    mpi comm({.slow = what == "start" ? limit : 60, .usual = limit});
    rank = comm.rank();
    if (rank == 0 && !comm.note().empty()) std::printf("Note: %s\n", comm.note().c_str());
    if (what == "unwind") {
      run(what, comm, limit, -1);
      if (rank > 0) fail("the text has ended");
    }
    try {
      run(what, comm, limit, fails_at);
    } catch (const std::exception& e) {
      comm.end_all(e.what());
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "raptr: rank %d in main: %s\n", rank, e.what());
    return 1;
  }
  if (rank == 0) std::puts("every rank is done");
  if (started) MPI_Finalize();
  if (what == "twice") try {
      mpi again;
    } catch (const comm_error& e) {
      std::puts(e.what());
    }
  return 0;
}
