// SPDX-License-Identifier: Apache-2.0
// Ranks with an emulated GPU each, as forked processes. Their streams run in other orders on every rank, so an event that is missing gives
// wrong sums.
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <emulator.hpp>
#include <string>
#include <vector>

#include <raptr/backend/cuda.cuh>
#include <raptr/comm/nccl.cuh>
#include <raptr/comm/nccl_rendezvous_file.hpp>
#include <raptr/comm/single_process.hpp>

#include "scratch_folder.hpp"

namespace {

using namespace raptr;
using ops_type = cuda_ops<float, float>;
using answers = std::vector<std::string>;

constexpr nccl_options fastest{.limits = {.slow = 20, .usual = 10}}, in_order{.sums = nccl_sums::rank_order, .limits = {.slow = 20, .usual = 10}};
constexpr nccl_options impatient{.limits = {.slow = 20, .usual = 1}};

/// f(nccl&, rank) on every rank, with other orders for each seed.
template <class F> answers run(int ranks, F f, nccl_options options = fastest, unsigned seed = 0) {
  if (emulator::sees_races) return {};  // TSan knows neither fork() with threads nor how a device writes what its host reads
  const scratch_folder folder;
  return emulator::run_ranks(ranks, [&](int rank) -> std::string {
    emulator::reset();
    emulator::options().seed = emulator::options().nccl.seed = seed;
    emulator::options().nccl.differences_hang = true;
    emulator::options().order = std::vector{emulator::order::lazy, emulator::order::random, emulator::order::eager}[(seed + unsigned(rank)) % 3];
    rendezvous_file meet(folder.path(), "test", rank, ranks, options.limits);
    nccl comm(meet, options);
    try {
      return f(comm, rank);
    } catch (const error& e) {
      comm.end_all(e.what());
      return e.what();
    }
  });
}
template <class T> std::vector<T> values_of(int rank, std::size_t n) {
  std::vector<T> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = T(1) / T(1 + i % 97) * (rank == 1 ? T(1e7) : rank == 2 ? T(-1e7) : T(1));
  return v;
}
template <class T> std::string bytes_of_sum(int ranks, std::size_t n) {
  std::vector<T> sum = values_of<T>(0, n);
  for (int r = 1; r < ranks; ++r)
    for (std::size_t i = 0; const T v : values_of<T>(r, n)) sum[i++] += v;
  return {reinterpret_cast<const char*>(sum.data()), n * sizeof(T)};
}
/// The sum over the ranks of values_of, by the device alone until the end.
template <class T> std::string summed(nccl& comm, std::size_t n) {
  ops_type ops;
  std::vector<T> values = values_of<T>(comm.rank(), n);
  T* const device = ops.allocate<T>(n);
  ops.upload(device, values.data(), n);
  comm.sum(ops, std::span<T>(device, n), {"sum", 0, 0});
  comm.finish(ops, {"sum", -1, 0});
  ops.wait(ops.fetch(values.data(), device, n));
  ops.release(device);
  return {reinterpret_cast<const char*>(values.data()), n * sizeof(T)};
}
/// The same by its two halves, with shares that are far from equal.
template <class T> std::string summed_in_halves(nccl& comm, std::size_t n) {
  ops_type ops;
  std::vector<T> values = values_of<T>(comm.rank(), n);
  T* const device = ops.allocate<T>(n);
  ops.upload(device, values.data(), n);
  const std::int64_t ranks = comm.ranks();
  std::vector<std::int64_t> bounds{0};
  for (std::int64_t r = 1; r <= ranks; ++r) bounds.push_back(ranks == 1 ? std::int64_t(n) : std::int64_t(n) * (r - 1) * r / ((ranks - 1) * ranks));
  comm.reduce_scatter(ops, std::span<T>(device, n), bounds, {"gradient", 0, 0});
  comm.finish(ops, {"gradient", -1, 0});
  comm.all_gather(ops, std::span<T>(device, n), bounds, {"weights", 0, 0});
  comm.finish(ops, {"weights", -1, 0});
  ops.wait(ops.fetch(values.data(), device, n));
  ops.release(device);
  return {reinterpret_cast<const char*>(values.data()), n * sizeof(T)};
}
/// What a trainer does in a step.
std::string step(nccl& comm, std::size_t n = 10, comm_operation at = {"sum of the gradient", 3, 4}) {
  ops_type ops;
  std::vector<float> values(n, 1);
  float* const device = ops.allocate<float>(n);
  ops.upload(device, values.data(), n);
  comm.sum(ops, std::span<float>(device, n), at);
  comm.finish(ops, at);
  ops.wait(ops.fetch(values.data(), device, n));
  comm.check();
  return std::to_string(values[0]);
}

TEST_CASE("nccl: sums in the order of ranks have the bits of a loop, whatever the order of streams") {
  constexpr std::size_t sizes[] = {0, 1, 7, 3001};
  for (int ranks : {1, 2, 3, 4}) {
    std::string expected;
    for (std::size_t n : sizes) expected += bytes_of_sum<float>(ranks, n) + bytes_of_sum<double>(ranks, n);
    for (unsigned seed = 0; seed < 3; ++seed) {
      CAPTURE(ranks);
      CAPTURE(seed);
      const auto all_sizes = [&](nccl& comm, int) {
        std::string bytes;
        for (std::size_t n : sizes) bytes += summed<float>(comm, n) + summed<double>(comm, n);
        return bytes;
      };
      for (const std::string& answer : run(ranks, all_sizes, in_order, seed)) CHECK((answer == expected));
      const auto in_halves = [&](nccl& comm, int) {
        std::string bytes;
        for (std::size_t n : sizes) bytes += summed_in_halves<float>(comm, n) + summed_in_halves<double>(comm, n);
        return bytes;
      };
      for (const std::string& answer : run(ranks, in_halves, fastest, seed)) CHECK((answer == expected));
    }
  }
}

TEST_CASE("nccl: the fastest sums are equal on all ranks, and so are two runs, but not the bits of another order") {
  const auto sums = [](unsigned seed) {
    return run(
        3, [](nccl& comm, int) { return summed<float>(comm, 3001); }, fastest, seed);
  };
  const answers first = sums(0), again = sums(0), other = sums(1);
  for (const std::string& answer : first) CHECK((answer == first[0]));
  CHECK((first == again));
  if (first.empty()) return;
  CHECK((first != other));
  CHECK((first[0] != bytes_of_sum<float>(3, 3001)));
}

TEST_CASE("nccl: many sums before one finish, and work on their results, need no host that waits and no memory") {
  for (const nccl_options& options : {fastest, in_order})
    for (unsigned seed = 0; seed < 3; ++seed)
      for (const std::string& answer : run(
               3,
               [&](nccl&comm, int rank) {
                 ops_type ops;
                 constexpr std::size_t n = 500, blocks = 5;
                 float* const device = ops.allocate<float>(blocks * n);
                 std::vector<float> values(blocks * n, float(rank + 1));
                 std::size_t waits = 0, allocations = 0;
                 for (int step = 0; step < 3; ++step) {
                   ops.upload(device, values.data(), values.size());
                   emulator::clear_counts();
                   for (std::size_t block = blocks; block-- > 0;)
                     comm.sum(ops, std::span<float>(device + n * block, n), {"sum of the gradient", int(block), step});
                   comm.finish(ops, {"sum of the gradient", -1, step});
                   waits = emulator::counts().synchronisations, allocations = emulator::counts().allocations.calls;
                 }
                 ops.wait(ops.fetch(values.data(), device, values.size()));
                 std::string text = std::to_string(waits) + " " + std::to_string(allocations);
                 for (std::size_t block = 0; block < blocks; ++block) text += " " + std::to_string(int(values[n * block + 7]));
                 return text;
               },
               options, seed))
        CHECK(answer == "0 0 6 6 6 6 6");
}

TEST_CASE("nccl: gather gives what each rank has, in their order, and both count their bytes") {
  for (int ranks : {1, 2, 3})
    for (const std::string& answer : run(ranks, [&](nccl&comm, int rank) {
           const std::vector<int> mine(300, 10 * rank);
           std::vector<int> all(300 * std::size_t(ranks));
           comm.gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)), {"gather"});
           for (std::size_t i = 0; i < all.size(); ++i)
             if (all[i] != int(i / 300) * 10) return std::to_string(i);
           const std::uint64_t of_gather = comm.bytes_sent();
           (void)summed<float>(comm, 10);
           const std::uint64_t of_both[] = {of_gather, comm.bytes_sent() - of_gather};
           std::vector<std::uint64_t> counts(2 * std::size_t(ranks));
           comm.gather(std::as_bytes(std::span(of_both)), std::as_writable_bytes(std::span(counts)), {"bytes"});
           std::uint64_t sums = 0;
           for (int r = 0; r < ranks; ++r) sums += counts[std::size_t(2 * r + 1)];
           return std::to_string(of_gather) + " " + std::to_string(sums);
         }))
      CHECK(answer == std::to_string(1200 * (ranks - 1)) + " " + std::to_string(2 * (ranks - 1) * 40));
}

TEST_CASE("nccl: a rank that stays away ends the others within the limit, while their hosts wait for the device") {
  const answers all = run(
      3, [](nccl& comm, int rank) { return step(comm) + (rank == 1 ? "" : step(comm)); }, impatient);
  for (std::size_t rank : {std::size_t{0}, std::size_t{2}})
    if (!all.empty())
      CHECK((all[rank].starts_with("raptr: step 5, sum of the gradient of block 3: rank " + std::to_string(rank)) &&
             all[rank].find(" has waited 1 s for the other 2 ranks, and not all of them came") != std::string::npos));
  const answers two = run(
      2,
      [](nccl& comm, int rank) {
        std::byte one{}, both[2];
        if (rank == 0) comm.gather(std::span(&one, 1), both, {"gather", -1, 0});
        return std::string();
      },
      impatient);
  if (!two.empty()) CHECK(two[0] == "raptr: step 1, gather: rank 0 has waited 1 s for the other rank, which did not come");
}

TEST_CASE("nccl: a rank that was killed ends the others by its silence") {
  const answers all = run(
      2,
      [&](nccl& comm, int rank) {
        if (rank == 1) std::raise(SIGKILL);
        return step(comm);
      },
      impatient);
  if (all.empty()) return;
  CHECK(all[0] == "raptr: step 5, sum of the gradient of block 3: rank 0 has waited 1 s for the other rank, which did not come");
  CHECK(all[1] == "signal 9");
}

TEST_CASE("nccl: the errors that NCCL finds itself have operation and rank") {
  if (emulator::sees_races) return;
  const scratch_folder folder;
  const answers all = emulator::run_ranks(2, [&](int rank) -> std::string {
    emulator::reset();
    emulator::options().nccl.reports_ends = true;
    rendezvous_file meet(folder.path(), "test", rank, 2);
    nccl comm(meet, fastest);
    if (rank == 1) std::raise(SIGKILL);
    return step(comm);
  });
  CHECK(all[0].find("NCCL failed on rank 0: remote process exited or there was a network error") != std::string::npos);
}

TEST_CASE("nccl: a rank that says why it cannot go on is quoted by the others") {
  const answers all = run(3, [](nccl& comm, int rank) {
    if (rank == 1) ::usleep(100000), fail("the text has ended");
    return step(comm);
  });
  for (std::size_t rank : {std::size_t{0}, std::size_t{2}})
    if (!all.empty())
      CHECK(all[rank].find("rank " + std::to_string(rank) + " cannot go on, because rank 1 has ended: raptr: the text has ended") !=
            std::string::npos);
}

TEST_CASE("nccl: ranks that do different things say both, though NCCL would hang") {
  const std::pair<const char*, const char*> cases[] = {{"count", "\"step 5, sum of the gradient of block 3 (11 floats)\""},
                                                       {"operation", "\"step 5, sum of the norm of block 3 (10 floats)\""},
                                                       {"step", "\"step 6, sum of the gradient of block 3 (10 floats)\""},
                                                       {"call", "\"step 5, sum of the gradient of block 3 (10 bytes)\""}};
  for (const auto& [in, there] : cases) {
    CAPTURE(in);
    const std::string_view word = in;
    const answers all = run(3, [&](nccl& comm, int rank) {
      const bool other = rank == 2;
      comm_operation at{other && word == "operation" ? "sum of the norm" : "sum of the gradient", 3, other && word == "step" ? 5 : 4};
      if (!other || word != "call") return step(comm, other && word == "count" ? 11 : 10, at);
      std::byte mine[10]{}, both[30];
      comm.gather(mine, both, at);
      return std::string("no error");
    });
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
      const std::string here = "\"step 5, sum of the gradient of block 3 (10 floats)\"";
      const std::string expected = rank < 2 ? "raptr: rank " + std::to_string(rank) + " is at " + here + ", but rank 2 at " + there
                                            : std::string("raptr: rank 2 is at ") + there + ", but rank 0 at " + here;
      // A rank may hear of the end of another one before it sees the difference itself.
      CHECK((all[rank].starts_with(expected) || all[rank].find("has ended: raptr: rank") != std::string::npos));
    }
    if (!all.empty()) CHECK(std::any_of(all.begin(), all.end(), [](const std::string& one) { return one.starts_with("raptr: rank "); }));
  }
}

TEST_CASE("nccl: what cannot train together is refused before NCCL starts") {
  if (emulator::sees_races) return;
  const auto refusals = [](auto prepare) {
    const scratch_folder folder;
    return emulator::run_ranks(3, [&](int rank) -> std::string {
      emulator::reset();
      int ranks = 3;
      prepare(rank, ranks);
      rendezvous_file meet(folder.path(), "test", rank, ranks, {.slow = 1, .usual = 1});
      nccl comm(meet);
      return "no error";
    });
  };
  for (const std::string& answer : refusals([](int rank, int&) { emulator::options().bus = rank == 0 ? 0 : 7; }))
    CHECK(answer ==
          "threw: raptr: ranks 1 and 2 have the same GPU, device 0 (emulator, 0000:07:00.0): NCCL needs a GPU for each rank; give every rank of a "
          "machine its own device");
  const answers versions = refusals([](int rank, int&) { emulator::options().nccl.version = rank == 1 ? 23203 : 22809; });
  CHECK(versions[0] == "threw: raptr: rank 0 has NCCL 2.28.9, rank 1 has 2.32.3: all ranks need the same version");
  CHECK(versions[1] == "threw: raptr: rank 1 has NCCL 2.32.3, rank 0 has 2.28.9: all ranks need the same version");
  const answers old = refusals([](int, int&) { emulator::options().nccl.version = 21805; });
  CHECK(old[0] ==
        "threw: raptr: the library of NCCL is version 2.18.5, and this program was compiled with the header of 2.28.9: it needs that version or a "
        "newer one of NCCL 2");
  const answers counts = refusals([](int rank, int& ranks) { ranks = rank == 2 ? 4 : 3; });
  CHECK(std::any_of(counts.begin(), counts.end(),
                    [](const std::string& one) { return one.find(" of this run: it has another number of ranks") != std::string::npos; }));
  const answers without = refusals([](int rank, int&) { emulator::options().devices = rank != 1; });
  CHECK(without[1].starts_with("threw: raptr: no GPU can be used"));
  CHECK(without[0].find("because rank 1 has ended: raptr: no GPU can be used") != std::string::npos);
}

TEST_CASE("nccl: any communicator is a rendezvous; a model on another GPU is refused") {
  if (emulator::sees_races) return;
  const answers all = emulator::run_ranks(1, [&](int) -> std::string {
    emulator::reset();
    emulator::options().devices = 2;
    single_process meet;
    nccl comm(meet);
    if (step(comm) != "1.000000") return "a sum of one rank";
    ops_type ops({.device = 1});
    comm.sum(ops, std::span<float>(), {"sum"});
    return "no error";
  });
  CHECK(all[0] == "threw: raptr: sum: the communicator of rank 0 is on GPU 0 and the model on GPU 1: give both the same device");
}

TEST_CASE("nccl: everything that was taken is given back") {
  if (emulator::sees_races) return;
  const scratch_folder folder;
  for (const std::string& answer : emulator::run_ranks(2, [&](int rank) -> std::string {
         emulator::reset();
         {
           rendezvous_file meet(folder.path(), "test", rank, 2);
           nccl comm(meet, in_order);
           (void)step(comm);
         }
         const emulator::living left = emulator::alive();
         return std::to_string(left.blocks + left.pinned_blocks + left.streams + left.events + left.communicators);
       }))
    CHECK(answer == "0");
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("A rendezvous in a folder cannot be stale, and says what is missing") {
  const scratch_folder folder;
  const comm_operation at{"meeting"};
  const auto meet = [&](int rank, int ranks, const std::string& run = "job-7") {
    rendezvous_file file(folder.path(), run, rank, ranks, {.slow = .1, .usual = .05});
    const int mine = rank;
    std::vector<int> all(static_cast<std::size_t>(ranks));
    file.gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)), at);
  };
  const std::string ranks = (folder.path() / "ranks-job-7").string();
  CHECK_THROWS_WITH_AS(meet(0, 2),
                       ("raptr: meeting: rank 0 has waited 0.05 s for rank 1, whose file " + ranks +
                        "/1.0 did not come: all ranks need the same name of the run, and a folder that they share")
                           .c_str(),
                       comm_error);
  // Rank 0 was killed, so to speak, and has left its file. Whoever starts again under this name learns of it.
  CHECK_THROWS_WITH_AS(meet(0, 2),
                       ("raptr: the rendezvous of rank 0 exists already (" + ranks +
                        "/0.0): another run has, or a run that was killed had, the same name; give each run its own, or remove the folder")
                           .c_str(),
                       comm_error);
  CHECK_THROWS_WITH_AS(meet(1, 3), doctest::Contains("was not written by rank 0 of this run"), comm_error);
  CHECK_THROWS_WITH_AS(meet(0, 1, "a b"), doctest::Contains("\"a b\" cannot be the name of a run"), input_error);
  CHECK_THROWS_WITH_AS(meet(0, 1, ""), doctest::Contains("cannot be the name of a run"), input_error);
  CHECK_THROWS_WITH_AS(meet(3, 3), "raptr: the ranks of a run of 3 are 0 to 2, and this one was started as rank 3", input_error);
  {
    rendezvous_file one(folder.path(), "job-8", 0, 2), other(folder.path(), "job-8", 1, 2);
    CHECK(!other.ended());
    one.end_all("no text"), other.end_all("I heard");
    CHECK(!one.ended());
    REQUIRE(other.ended());
    CHECK(other.ended()->rank == 0);
    CHECK(other.ended()->why == "no text (" + (folder.path() / "ranks-job-8/ended").string() + ")");
  }
}

}  // namespace
