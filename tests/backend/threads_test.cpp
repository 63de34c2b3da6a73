// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <cfenv>
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

/// What each thread computes: the tasks wait for each other, so no thread runs two.
std::vector<float> results_of_all(thread_team& team, float (*compute)()) {
  std::vector<float> found(std::size_t(team.size()));
  std::atomic<int> here{0};
  team.parallel_for(team.size(), [&](std::int64_t i, int) {
    ++here;
    while (here < team.size()) std::this_thread::yield();
    found[std::size_t(i)] = compute();
  });
  return found;
}
float third_of_one() {
  volatile float one = 1, three = 3;
  return one / three;
}
float half_of_the_smallest() {
  volatile float smallest = 1.17549435e-38f, half = 0.5f;
  return smallest * half;
}
float multiple_of_a_subnormal_number() {
  volatile float small = 1e-40f, large = 1e20f;
  return small * large;
}

TEST_CASE("every thread rounds as the caller does, also if the caller chose so after the team was made, and no longer than the caller") {
  thread_team team(3);
  for (const auto& [mode, third] : {std::pair{FE_UPWARD, 0x1.555556p-2f},
                                    {FE_TONEAREST, 0x1.555556p-2f},
                                    {FE_DOWNWARD, 0x1.555554p-2f},
                                    {FE_TOWARDZERO, 0x1.555554p-2f},
                                    {FE_TONEAREST, 0x1.555556p-2f}}) {
    std::fesetround(mode);
    const std::vector<float> found = results_of_all(team, third_of_one);
    const int after = std::fegetround();
    std::fesetround(FE_TONEAREST);
    CHECK(found == std::vector<float>(3, third));
    CHECK(after == mode);
  }
}

#if defined(__SSE2__)
TEST_CASE("every thread flushes subnormal numbers to zero if the caller does, and keeps them if the caller does") {
  thread_team team(3);
  const unsigned usual = __builtin_ia32_stmxcsr(), flush_to_zero = 1u << 15, denormals_are_zero = 1u << 6;
  for (const unsigned set : {0u, flush_to_zero, 0u, denormals_are_zero, flush_to_zero | denormals_are_zero, 0u}) {
    __builtin_ia32_ldmxcsr(usual | set);
    const std::vector<float> results = results_of_all(team, half_of_the_smallest), operands = results_of_all(team, multiple_of_a_subnormal_number);
    const unsigned after = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(usual);
    CHECK(results == std::vector<float>(3, set & flush_to_zero ? 0.0f : 0x1p-127f));
    CHECK(operands == std::vector<float>(3, set & denormals_are_zero ? 0.0f : 1e-40f * 1e20f));
    CHECK((after & (flush_to_zero | denormals_are_zero)) == set);
  }
}
TEST_CASE("a mode lasts as long as its scope") {
  const unsigned usual = __builtin_ia32_stmxcsr();
  {
    const raptr::cpu_backend::float_mode_scope flushing(raptr::cpu_backend::current_float_mode() | 1u << 15);
    CHECK((__builtin_ia32_stmxcsr() & 1u << 15) != 0);
  }
  CHECK((__builtin_ia32_stmxcsr() & 1u << 15) == (usual & 1u << 15));
}
#endif

}  // namespace
