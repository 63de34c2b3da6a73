// SPDX-License-Identifier: Apache-2.0
// A program as several ranks: what a launcher has started, how many threads a rank has, and texts from rank 0 to the others.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include <raptr/backend/cpu/processors.hpp>
#include <raptr/comm/any_communicator.hpp>
#include <raptr/comm/gathered.hpp>
#include <raptr/io/checksum.hpp>

#include "process.hpp"

namespace program {

namespace errors {
[[noreturn]] inline void no_mpi(int processes) {
  raptr::fail("a launcher has started " + std::to_string(processes) +
              " processes of this program, which is compiled without MPI, so each of them would do the whole run: start it once, with --ranks " +
              std::to_string(processes) + ", or install MPI and build it again");
}
[[noreturn]] inline void two_kinds_of_ranks(std::int64_t ranks, int processes) {
  raptr::fail("--ranks is " + std::to_string(ranks) + ", and a launcher has started " + std::to_string(processes) +
              " processes: the processes are the ranks, so leave --ranks out");
}
[[noreturn]] inline void more_ranks_than_processors(std::int64_t ranks, int processors) {
  raptr::fail("--ranks is " + std::to_string(ranks) + ", but this process may use " + std::to_string(processors) +
              (processors == 1 ? " processor" : " processors") + ": every rank needs one");
}
[[noreturn]] inline void other_arguments(int rank) {
  raptr::fail("rank " + std::to_string(rank) + " was started with other arguments than rank 0: give all ranks the same");
}
}  // namespace errors

/// How many processes a launcher has started together with this one; 1: none did, or it does not say.
inline int launched_processes() {
  int most = 1;
  // Open MPI; MPICH and its relatives; srun, whose batch script has no such step.
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"})
    if (const char* const text = std::getenv(name)) most = (std::max)(most, std::atoi(text));
  return most;
}

/// What every rank gives, in their order.
template <class T> std::vector<T> of_all_ranks(raptr::any_communicator& comm, const T& mine, std::string_view what) {
  return raptr::gathered(comm, std::span<const T>(&mine, 1), {.name = what, .may_be_slow = true});
}
/// The text that rank 0 gives.
inline std::string of_rank_0(raptr::any_communicator& comm, const std::string& given, std::string_view what) {
  const std::size_t size = of_all_ranks(comm, given.size(), what).front();
  std::string mine = comm.rank() == 0 ? given : std::string(size, ' '), all(size * static_cast<std::size_t>(comm.ranks()), ' ');
  comm.gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)), {.name = what, .may_be_slow = true});
  return all.substr(0, size);
}

/// Throws input_error on all but rank 0 if their words differ.
inline void expect_same_arguments(raptr::any_communicator& comm, int count, char** words) {
  if (comm.ranks() == 1) return;
  std::string all;
  for (int k = 1; k < count; ++k) all += words[k] + std::string(1, '\0');
  const auto sums = of_all_ranks(comm, raptr::crc32c(std::as_bytes(std::span(all))), "comparison of the arguments");
  for (int rank = 1; rank < comm.ranks(); ++rank)
    if (sums[static_cast<std::size_t>(rank)] != sums.front()) errors::other_arguments(rank);
}

/// The threads of this process. Ranks of one machine share its processors, unless the launcher has given each its own. note gets a sentence if
/// that leaves some of them unused.
inline int threads_of_rank(raptr::any_communicator& comm, const auto& note) {
  struct place {
    std::array<char, 256> host{};
    int processors = 0, online = 0;
  };
  place mine;
  ::gethostname(mine.host.data(), mine.host.size() - 1);
  mine.processors = raptr::cpu_backend::available_threads(), mine.online = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  const std::vector<place> all = of_all_ranks(comm, mine, "processors of the ranks");
  const int here = static_cast<int>(std::ranges::count(all, mine.host, &place::host));
  const bool bound = mine.processors < mine.online;
  const int threads = bound ? mine.processors : (std::max)(1, mine.processors / here);
  if (comm.rank() == 0 && bound && threads * here < mine.online)
    note("the launcher has given each rank " + std::to_string(threads) + " of the " + std::to_string(mine.online) +
         " processors of this machine; to use all, tell it so, as in mpirun --bind-to none");
  return threads;
}

}  // namespace program
