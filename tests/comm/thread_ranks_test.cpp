// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <vector>

#include <raptr/comm/any_communicator.hpp>
#include <raptr/comm/thread_ranks.hpp>

#include "communicator_checks.hpp"

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
TEST_CASE("thread_ranks: sums in the order of ranks to the bit, gathers, and the bytes of both") {
  for (int ranks : {1, 2, 3, 5}) run_ranks(ranks, [](thread_rank& comm) { testing::check_communicator(comm, 10007); });
  single_process one;
  testing::check_communicator(one, 10);
  run_ranks(3, [](thread_rank& comm) {
    any_communicator any(comm);
    testing::check_communicator(any, 10007);
  });
  any_communicator alone;
  testing::check_communicator(alone, 10);
  struct gpu_ops {
  } gpu;
  float number = 1;
  CHECK(message_of<input_error>([&] { alone.sum(gpu, std::span(&number, 1), {"sum"}); }).find("has memory of its own") != std::string::npos);
}

TEST_CASE("thread_ranks: ranks that do different things say both") {
  for (const std::string_view in : testing::disagreements) {
    CAPTURE(in);
    const std::string message = message_of<comm_error>([&] { run_ranks(3, [&](thread_rank& comm) { testing::disagree(comm, in); }); });
    CHECK(message.find(testing::other_call(in)) != std::string::npos);
    CHECK(message.find("\"step 5, sum of the gradient of block 3 (10 floats)\"") != std::string::npos);
  }
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
  CHECK(message_of<input_error>([] { thread_group none(0); }) == "raptr: a run has at least 1 rank, and 0 were asked for");
}

TEST_CASE("thread_ranks: a process that was stopped for longer than the limit goes on") {
  const pid_t stopper = ::fork();
  if (stopper == 0) {
    ::usleep(150'000), ::kill(::getppid(), SIGSTOP);
    ::usleep(2'500'000), ::kill(::getppid(), SIGCONT);
    ::_exit(0);
  }
  host ops;
  const auto rank_1_comes_later = [&](thread_rank& comm) {
    for (int k = 0; comm.rank() == 1 && k < 5; ++k) ::usleep(100'000);  // most of them after the stop
    comm.finish(ops, {"sum of the gradient", -1, 4});
  };
  CHECK(message_of<comm_error>([&] { run_ranks(2, rank_1_comes_later, {.slow = 20, .usual = 2}); }) == "no error");
  int status = 0;
  CHECK(::waitpid(stopper, &status, 0) == stopper);
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
