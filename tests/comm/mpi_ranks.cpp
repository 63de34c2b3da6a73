// SPDX-License-Identifier: Apache-2.0
// One rank of a run on MPI:  mpi_ranks WHAT LIMIT STEP RANK MICROSECONDS
// It does what the first argument says, with that limit in seconds; a fault is that of the rank (-1: the last one), at the step, where a kill
// or a stop comes after that time. mpi.sh starts it and says what is expected.
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <raptr/comm/mpi.hpp>

#include "communicator_checks.hpp"

namespace {

using namespace raptr;

std::atomic<bool> stuck = false;  // every rank is in a call of MPI that does not return

struct fault {
  std::string what;
  double limit = 20;
  int step = 4, rank = -1, microseconds = 0;
};

/// This rank fails in some way.
void fail_as(const fault& f) {
  std::fprintf(stderr, "rank fails: %s\n", f.what.c_str());
  const auto raise_later = [&](int signal) {
    if (f.microseconds == 0) std::raise(signal);
    std::thread([signal, after = f.microseconds] {
      std::this_thread::sleep_for(std::chrono::microseconds(after));
      kill(getpid(), signal);
    }).detach();
  };
  if (f.what == "error") fail("the text has ended");
  if (f.what == "exit") std::exit(3);
  if (f.what == "exit_0") std::exit(0);
  if (f.what == "kill") raise_later(SIGKILL);
  if (f.what == "stop") raise_later(SIGSTOP);
  if (f.what == "late") std::this_thread::sleep_for(std::chrono::duration<double>(3 * f.limit));
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

/// Each sum and each gather is reported once, when it is carried out.
void check_reports(mpi& comm) {
  if (comm.ranks() == 1) return;
  std::atomic<int> reports = 0;
  comm.on_completion([&] { ++reports; });
  std::vector<float> data(1000);
  for (int k = 0; k < 3; ++k) comm.sum(testing::host, std::span(data), {"sum"});
  comm.finish(testing::host, {"sum"});
  testing::require(reports == 3, std::to_string(reports) + " reports of 3 sums");
  testing::check_gather(comm, 5);
  testing::require(reports == 4, std::to_string(reports) + " reports with a gather");
  comm.on_completion({});
  comm.finish(testing::host, {"sum"});
  testing::check_gather(comm, 5);
  testing::require(reports == 4, "no report after the end of it");
}

void run(const fault& f, mpi& comm) {
  if (f.what == "checks" || f.what == "multiple" || f.what == "funneled") {
    testing::check_communicator(comm);
    check_progress(comm);
    check_reports(comm);
  } else if (std::ranges::find(testing::disagreements, f.what) != std::end(testing::disagreements)) {
    testing::disagree(comm, f.what);
  } else {
    const bool fails = comm.rank() == (f.rank >= 0 ? f.rank : comm.ranks() - 1);
    testing::take_steps(comm, fails && f.what == "early" ? f.step : 100, [&](int step) {
      if (fails && step == f.step) fail_as(f);
      stuck = f.what == "stuck" && step == f.step;
    });
  }
}

}  // namespace

/// The name under which programs call it; the library's own has a P.
extern "C" int MPI_Testall(int count, MPI_Request requests[], int* done, MPI_Status statuses[]) {
  while (stuck) std::this_thread::sleep_for(std::chrono::seconds(1));
  return PMPI_Testall(count, requests, done, statuses);
}

int main(int argc, char** argv) {
  const auto number = [&](int k, double otherwise) { return argc > k ? std::atof(argv[k]) : otherwise; };
  const fault f{argc > 1 ? argv[1] : "checks", number(2, 20), int(number(3, 4)), int(number(4, -1)), int(number(5, 0))};
  const std::string& what = f.what;
  const bool started = what == "multiple" || what == "funneled" || what == "start";
  int level = 0, rank = 0, ranks = 0;
  if (started) {
    MPI_Init_thread(&argc, &argv, what == "funneled" ? MPI_THREAD_FUNNELED : MPI_THREAD_MULTIPLE, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank), MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (what == "start" && rank == ranks - 1) std::this_thread::sleep_for(std::chrono::seconds(20));
  }
  try {
    const double slow = what == "start" ? f.limit : f.limit < 2 ? 10 : 60;  // shorter for faults, which may come at the end of the run
    mpi comm({.slow = slow, .usual = f.limit});
    rank = comm.rank();
    if (rank == 0 && !comm.note().empty()) std::printf("Note: %s\n", comm.note().c_str());
    if (what == "unwind") {
      run(f, comm);
      if (rank > 0) fail("the text has ended");
    }
    try {
      run(f, comm);
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
