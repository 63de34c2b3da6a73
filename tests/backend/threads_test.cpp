// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <raptr/backend/cpu/threads.hpp>
#include <thread>
#include <vector>

namespace {
using raptr::cpu_backend::thread_team;

TEST_CASE("every task runs once, whatever the number of tasks and threads") {
  for (int threads : {1, 2, 3, 5}) {
    thread_team team(threads);
    CHECK(team.size() == threads);
    for (int count : {0, 1, 2, 7, 100})
      for (int again = 0; again < 200; ++again) {
        std::vector<int> runs(std::size_t(count), 0);
        std::atomic<bool> known{true};
        team.parallel_for(count, [&](std::int64_t i, int thread) {
          ++runs[std::size_t(i)];
          if (thread < 0 || thread >= threads) known = false;
        });
        CHECK(runs == std::vector<int>(std::size_t(count), 1));
        CHECK(known);
      }
  }
}

TEST_CASE("a team that fell asleep wakes up, and one that never worked can be destroyed") {
  const thread_team idle(3);
  thread_team team(3);
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::atomic<int> sum{0};
    team.parallel_for(50, [&](std::int64_t k, int) { sum += int(k); });
    CHECK(sum == 1225);
  }
}

TEST_CASE("teams come and go, at work or not") {
  for (int again = 0; again < 300; ++again) {
    thread_team team(4);
    int sum = 0;
    if (again % 2)
      team.parallel_for(1 + again % 3, [&](std::int64_t i, int) {
        if (i == 0) ++sum;
      });
    CHECK(sum == again % 2);
  }
}

TEST_CASE("two tasks that wait for each other show that two threads work at once") {
  thread_team team(2);
  std::atomic<int> here{0};
  team.parallel_for(2, [&](std::int64_t, int) {
    ++here;
    while (here < 2) std::this_thread::yield();
  });
  CHECK(here == 2);
}

TEST_CASE("the first exception of a task is thrown by the caller and the team goes on") {
  thread_team team(4);
  for (int again = 0; again < 50; ++again) {
    CHECK_THROWS_AS(team.parallel_for(20,
                                      [](std::int64_t i, int) {
                                        if (i % 5 == 3) throw i;
                                      }),
                    std::int64_t);
    int sum = 0;
    team.parallel_for(1, [&](std::int64_t, int) { ++sum; });
    CHECK(sum == 1);
  }
}

}  // namespace
