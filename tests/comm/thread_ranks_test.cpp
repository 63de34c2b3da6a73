// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <numeric>
#include <vector>

#include <raptr/comm/single_process.hpp>
#include <raptr/comm/thread_ranks.hpp>

namespace {

using namespace raptr;
using host = counting_ops<float, float>;

template <class Kind> std::string message_of(auto f) {
  try {
    f();
  } catch (const Kind& e) {
    return e.what();
  }
  return "no error";
}
template <class T> std::vector<T> values_of(int rank, std::size_t n) {
  std::vector<T> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = T(1) / T(1 + i % 97) * T(rank == 1 ? 1e7 : 1);
  return v;
}

TEST_CASE("thread_ranks: every rank has the sum in the order of ranks, to the bit") {
  for (int ranks : {1, 2, 3, 5}) {
    for (std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{4}, std::size_t{3001}}) {
      std::vector<float> expected = values_of<float>(0, n);
      for (int r = 1; r < ranks; ++r)
        for (std::size_t i = 0; i < n; ++i) expected[i] += values_of<float>(r, n)[i];
      std::vector<std::vector<float>> results(static_cast<std::size_t>(ranks));
      std::vector<double> others(static_cast<std::size_t>(ranks));
      std::vector<std::uint64_t> sent(static_cast<std::size_t>(ranks));
      run_ranks(ranks, [&](thread_rank& comm) {
        host ops;
        const std::size_t me = static_cast<std::size_t>(comm.rank());
        results[me] = values_of<float>(comm.rank(), n), others[me] = comm.rank();
        comm.sum(ops, std::span<float>(results[me]), {"sum", 0});
        comm.sum(ops, std::span<double>(&others[me], 1), {"sum", 1});
        comm.finish(ops, {"sum"});
        sent[me] = comm.bytes_sent();
      });
      for (const auto& result : results) CHECK(result == expected);
      for (double sum : others) CHECK(sum == ranks * (ranks - 1) / 2);
      // Each element crosses twice for every rank but one: to the rank that adds it up, and back.
      CHECK(std::accumulate(sent.begin(), sent.end(), std::uint64_t{0}) == 2 * static_cast<std::uint64_t>(ranks - 1) * (4 * n + 8));
    }
  }
}

TEST_CASE("thread_ranks: gather gives what each rank has, in their order") {
  run_ranks(3, [](thread_rank& comm) {
    const int mine = 10 * comm.rank();
    std::vector<int> all(3);
    comm.gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)), {"gather"});
    CHECK(all == std::vector{0, 10, 20});
  });
  int alone = 7, all = 0;
  single_process{}.gather(std::as_bytes(std::span(&alone, 1)), std::as_writable_bytes(std::span(&all, 1)), {"gather"});
  CHECK(all == 7);
}

TEST_CASE("thread_ranks: a rank that ends, stays away or does something else ends the others, by name") {
  const comm_limits limits{.slow = 20, .usual = .2};
  std::vector<std::string> heard(3);
  const auto run = [&](auto f) {
    return message_of<error>([&] {
      run_ranks(
          3,
          [&](thread_rank& comm) {
            try {
              f(comm);
            } catch (const comm_error& e) {
              heard[static_cast<std::size_t>(comm.rank())] = e.what();
              throw;
            }
          },
          limits);
    });
  };
  host ops;
  CHECK(run([&](thread_rank& comm) {
          if (comm.rank() == 1) fail("the text has ended");
          comm.finish(ops, {"sum of the gradient", 3, 4, true});
        }) == "raptr: the text has ended");
  for (std::size_t rank : {std::size_t{0}, std::size_t{2}})
    CHECK(heard[rank] == "raptr: step 5, sum of the gradient of block 3: rank " + std::to_string(rank) +
                             " cannot go on, because rank 1 has ended: raptr: the text has ended");
  CHECK(run([&](thread_rank& comm) {
          if (comm.rank() == 0) comm.finish(ops, {"gather", -1, 0});
        }) == "raptr: step 1, gather: rank 0 has waited 0.2 s for ranks 1 and 2, which did not come");
  const std::string different = run([&](thread_rank& comm) {
    std::vector<float> data(static_cast<std::size_t>(comm.rank() == 2 ? 11 : 10));
    comm.sum(ops, std::span<float>(data), {"sum"});
    comm.finish(ops, {"sum of the gradient", 1, 4});
  });
  CHECK(different.find("\"step 5, sum of the gradient of block 1 (11 floats)\"") != std::string::npos);
  CHECK(different.find("\"step 5, sum of the gradient of block 1 (10 floats)\"") != std::string::npos);
  CHECK(message_of<input_error>([] { thread_group none(0); }) == "raptr: a run has at least 1 rank, and 0 were asked for");
}

TEST_CASE("share_of: consecutive shares that differ by one at most") {
  CHECK(share_of(8, 0, 3) == index_range{0, 3});
  CHECK(share_of(8, 1, 3) == index_range{3, 6});
  CHECK(share_of(8, 2, 3) == index_range{6, 8});
  for (int ranks = 1; ranks < 9; ++ranks)
    for (std::int64_t total = 0; total < 40; ++total) {
      std::int64_t next = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        const index_range share = share_of(total, rank, ranks);
        CHECK(share.first == next);
        CHECK(share.size() - total / ranks <= 1);
        CHECK(share.size() >= total / ranks);
        next = share.last;
      }
      CHECK(next == total);
    }
}

}  // namespace
