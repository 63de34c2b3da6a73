// SPDX-License-Identifier: Apache-2.0
// A program that mpirun may have started several times: its processes are the ranks of one run, or it refuses to be more than one.
#pragma once

#include <signal.h>

#include <exception>

#ifdef RAPTR_PROGRAM_HAS_MPI
#include <raptr/comm/mpi.hpp>
#include <raptr/comm/traced.hpp>
#endif
#include <raptr/comm/comm_trace.hpp>

#include "ranks.hpp"

namespace program {

namespace errors {
[[noreturn]] inline void wrong_launcher(int processes, const std::string& library) {
  raptr::fail("a launcher has started " + std::to_string(processes) +
              " processes of this program, but its MPI sees only one, so each of them would "
              "do the whole run: start it with the mpirun of " +
              library);
}
}  // namespace errors

/// Calls body(communicator, trace), which returns an exit code, with the processes of a launcher as ranks. An error of one rank ends all. The
/// trace is of what the rank does, once it is started.
inline int in_processes(const auto& body) {
  const int processes = launched_processes();
  raptr::comm_trace trace;
  if (processes == 1) {
    raptr::any_communicator alone;
    return body(alone, trace);
  }
#ifdef RAPTR_PROGRAM_HAS_MPI
  sigset_t stops, before;  // the threads of MPI leave them to stop_signals
  ::sigemptyset(&stops), ::sigaddset(&stops, SIGINT), ::sigaddset(&stops, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &stops, &before);
  raptr::mpi ranks;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (ranks.ranks() == 1) {
    char library[MPI_MAX_LIBRARY_VERSION_STRING] = {};
    int length = 0;
    MPI_Get_library_version(library, &length);
    errors::wrong_launcher(processes, one_line(library));
  }
  raptr::traced watched(ranks, trace);
  raptr::any_communicator comm(watched);
  try {
    return body(comm, trace);
  } catch (const std::exception& e) {
    ranks.end_all(e.what());
    return 1;
  }
#else
  errors::no_mpi(processes);
#endif
}

}  // namespace program
