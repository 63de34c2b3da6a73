// SPDX-License-Identifier: Apache-2.0
// The emulated NCCL: what hangs or gives other numbers on a real device is a fault here, with the calls of both ranks.
#include <doctest/doctest.h>
#include <nccl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <new>
#include <string>

#include "emulator_support.hpp"

using namespace emulator_tests;
using emulator::order;

namespace {

/// In a rank, where doctest does not see what is wrong.
void must(bool holds, int line = __builtin_LINE()) {
  if (!holds) throw emulator::fault("line " + std::to_string(line) + " does not hold");
}

/// Where rank 0 leaves the address of NCCL for the others.
struct meeting_place {
  std::atomic<bool> there{false};
  ncclUniqueId id{};
};
meeting_place* meeting = nullptr;

/// A rank with its device and communicator.
struct connected {
  connected(int rank, int ranks, int blocking = 1, order streams = order::lazy, int bus = -1) : gpu(streams, 7) {
    emulator::options().bus = bus;
    if (rank == 0) ncclGetUniqueId(&meeting->id), meeting->there = true;
    while (!meeting->there) ::usleep(100);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = blocking;
    must(ncclCommInitRankConfig(&comm, ranks, meeting->id, rank, &config) == (blocking ? ncclSuccess : ncclInProgress));
    if (!blocking) state = settle();
  }
  ncclResult_t settle() const {
    for (ncclResult_t now = ncclInProgress;;) {
      must(ncclCommGetAsyncError(comm, &now) == ncclSuccess);
      if (now != ncclInProgress) return now;
      ::usleep(100);
    }
  }
  device gpu;
  ncclComm_t comm = nullptr;
  ncclResult_t state = ncclSuccess;
};
std::vector<std::string> run(int ranks, const std::function<std::string(int)>& f) {
  if (emulator::sees_races) return {};  // TSan does not follow a fork
  void* const shared = mmap(nullptr, sizeof *meeting, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  meeting = new (shared) meeting_place;
  auto answers = emulator::run_ranks(ranks, f);
  munmap(shared, sizeof *meeting);
  return answers;
}
std::string text_of(const std::vector<float>& values) {
  std::string text;
  for (const float each : values) text += std::to_string(static_cast<int>(each)) + " ";
  return text;
}

}  // namespace

TEST_CASE("ranks return words, exceptions or the signal that ended them") {
  const auto answers = run(3, [](int rank) -> std::string {
    if (rank == 1) throw emulator::fault("no");
    if (rank == 2) std::raise(SIGKILL);
    return "yes";
  });
  if (!answers.empty()) CHECK(answers == std::vector<std::string>{"yes", "threw: no", "signal 9"});
}

TEST_CASE("collectives and messages are done in the order of their stream") {
  for (const order each : {order::eager, order::lazy, order::random})
    for (const int blocking : {1, 0}) {
      const auto answers = run(3, [&](int rank) {
        connected here(rank, 3, blocking, each);
        const auto call = [&](ncclResult_t status) {
          must(status == ncclSuccess || (!blocking && status == ncclInProgress));
          if (!blocking) here.settle();
        };
        float *const a = here.gpu.array(std::vector<float>(2, static_cast<float>(rank + 1))), *const all = here.gpu.array<float>(6);
        call(ncclAllReduce(a, a, 2, ncclFloat32, ncclSum, here.comm, here.gpu.stream));
        call(ncclAllReduce(a, a, 2, ncclFloat32, ncclSum, here.comm, here.gpu.stream));
        call(ncclAllGather(a, all, 2, ncclFloat32, here.comm, here.gpu.stream));
        ncclGroupStart();
        ncclSend(a, 1, ncclFloat32, (rank + 1) % 3, here.comm, here.gpu.stream);
        ncclRecv(a + 1, 1, ncclFloat32, (rank + 2) % 3, here.comm, here.gpu.stream);
        call(ncclGroupEnd());
        return text_of(here.gpu.values(a, 2)) + text_of(here.gpu.values(all, 6));
      });
      for (const std::string& answer : answers) CHECK(answer == "18 18 18 18 18 18 18 18 ");
    }
}

TEST_CASE("calls that differ are a fault that names both") {
  const auto difference = [](auto other) {
    return run(2, [&](int rank) {
      connected here(rank, 2);
      float* const a = here.gpu.array(std::vector<float>(8, 1.0f));
      if (rank == 0)
        ncclAllReduce(a, a, 8, ncclFloat32, ncclSum, here.comm, here.gpu.stream);
      else
        other(here, a);
      cudaStreamSynchronize(here.gpu.stream);
      return std::string("no fault");
    });
  };
  const auto all_of = [](const std::vector<std::string>& answers, const std::string& text) {
    for (const std::string& answer : answers) CHECK((answer == "threw: call 1 of NCCL: " + text || answer.find("rank 1 has") != std::string::npos));
    if (!answers.empty()) CHECK(answers[0] == "threw: call 1 of NCCL: " + text);
  };
  all_of(difference([](connected& r, float* a) { ncclAllReduce(a, a, 7, ncclFloat32, ncclSum, r.comm, r.gpu.stream); }),
         "rank 0 has all-reduce of 8 floats, rank 1 has all-reduce of 7 floats");
  all_of(difference([](connected& r, float* a) { ncclAllReduce(a, a, 4, ncclFloat64, ncclSum, r.comm, r.gpu.stream); }),
         "rank 0 has all-reduce of 8 floats, rank 1 has all-reduce of 4 doubles");
  all_of(difference([](connected& r, float* a) { ncclAllGather(a, a, 4, ncclFloat32, r.comm, r.gpu.stream); }),
         "rank 0 has all-reduce of 8 floats, rank 1 has all-gather of 4 floats");
}

TEST_CASE("a host that waits for a rank that never comes is a fault, and one that asks goes on") {
  const auto answers = run(2, [](int rank) -> std::string {
    connected here(rank, 2);
    float* const a = here.gpu.array(std::vector<float>(8, 1.0f));
    if (rank == 1) return "";
    emulator::options().patience = .2;
    cudaEvent_t event = nullptr;
    cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
    ncclAllReduce(a, a, 8, ncclFloat32, ncclSum, here.comm, here.gpu.stream);
    cudaEventRecord(event, here.gpu.stream);
    for (int k = 0; k < 100; ++k) must(cudaEventQuery(event) == cudaErrorNotReady);
    cudaEventSynchronize(event);
    return "no fault";
  });
  if (!answers.empty()) CHECK(answers[0] == "threw: the host has waited 0.2 s for work that waits for other ranks: it would hang");
}

TEST_CASE("two ranks that send first hang, unless it is a group") {
  for (const bool grouped : {false, true}) {
    const auto answers = run(2, [&](int rank) -> std::string {
      connected here(rank, 2);
      float* const a = here.gpu.array(std::vector<float>(2, static_cast<float>(rank)));
      if (grouped) ncclGroupStart();
      if (!grouped) emulator::options().patience = .2;
      ncclSend(a, 1, ncclFloat32, 1 - rank, here.comm, here.gpu.stream);
      ncclRecv(a + 1, 1, ncclFloat32, 1 - rank, here.comm, here.gpu.stream);
      if (grouped) ncclGroupEnd();
      return text_of(here.gpu.values(a, 2));
    });
    for (std::size_t rank = 0; rank < answers.size(); ++rank)
      CHECK(answers[rank] == (!grouped    ? "threw: the host has waited 0.2 s for work that waits for other ranks: it would hang"
                              : rank == 0 ? "0 1 "
                                          : "1 0 "));
  }
}

TEST_CASE("a non-blocking communicator may put its work on the stream later than the call, and takes no other one until then") {
  const auto answers = run(1, [](int) -> std::string {
    connected here(0, 1, 0);
    float* const a = here.gpu.array(std::vector<float>(1, 1.0f));
    int late = 0, faults = 0;
    for (int k = 0; k < 40; ++k) {
      const std::size_t before = emulator::pending();
      const ncclResult_t status = ncclAllReduce(a, a, 1, ncclFloat32, ncclSum, here.comm, here.gpu.stream);
      must(emulator::pending() == before + (status == ncclSuccess));
      if (status != ncclInProgress) continue;
      ++late;
      try {
        ncclAllReduce(a, a, 1, ncclFloat32, ncclSum, here.comm, here.gpu.stream);
      } catch (const emulator::fault&) {
        ++faults;
      }
      here.settle();
      must(emulator::pending() == before + 1);
    }
    return late > 0 && late < 40 && faults == late ? "both" : std::to_string(late) + " " + std::to_string(faults);
  });
  if (!answers.empty()) CHECK(answers[0] == "both");
}

TEST_CASE("an abort ends what is under way, and its memory is NaN; a communicator is not used after its end") {
  const auto answers = run(2, [](int rank) -> std::string {
    connected here(rank, 2, 0);
    float* const a = here.gpu.array(std::vector<float>(1, 1.0f));
    if (rank == 1) return "";
    ncclAllReduce(a, a, 1, ncclFloat32, ncclSum, here.comm, here.gpu.stream);
    here.settle();
    ncclCommAbort(here.comm);
    const float left = here.gpu.values(a, 1)[0];
    must(emulator::alive().communicators == 0);
    try {
      ncclAllReduce(a, a, 1, ncclFloat32, ncclSum, here.comm, here.gpu.stream);
    } catch (const emulator::fault& fault) {
      return std::to_string(left != left) + " " + fault.what();
    }
    return "no fault";
  });
  if (!answers.empty()) CHECK(answers[0] == "1 all-reduce: the communicator does not exist, or not any more");
}

TEST_CASE("two ranks on one GPU are an error that is there when the communicator is connected") {
  for (const std::string& answer : run(2, [](int rank) { return std::string(ncclGetErrorString(connected(rank, 2, 0, order::lazy, 3).state)); }))
    CHECK(answer == "invalid usage");
}
