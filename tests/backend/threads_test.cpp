// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <sched.h>

#include <atomic>
#include <cfenv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <raptr/backend/cpu/threads.hpp>
#include <thread>
#include <vector>

#include "scratch_folder.hpp"

// Stands for OpenMP, which the library asks through a weak symbol.
static thread_local bool in_parallel_region = false;
extern "C" int omp_in_parallel() { return in_parallel_region; }

namespace {
using raptr::cpu_backend::available_threads;
using raptr::cpu_backend::control_group_limit;
using raptr::cpu_backend::thread_team;

/// The processors of the affinity of this thread.
int affinity() {
  cpu_set_t set;
  REQUIRE(sched_getaffinity(0, sizeof set, &set) == 0);
  return CPU_COUNT(&set);
}

TEST_CASE("a team has a thread for each processor that its maker may use") {
  const int limit = control_group_limit(), all = limit ? std::min(limit, affinity()) : affinity();
  CHECK(thread_team(0).size() == all);
  std::thread([] {
    cpu_set_t set, one;
    REQUIRE(sched_getaffinity(0, sizeof set, &set) == 0);
    std::size_t first = 0;
    while (!CPU_ISSET(first, &set)) ++first;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
    CHECK(thread_team(0).size() == 1);
    CHECK(thread_team(3).size() == 3);
  }).join();
  CHECK(thread_team(0).size() == all);
}

TEST_CASE("teams made inside a parallel region have one thread each, unless another number is asked for") {
  std::atomic<int> threads{0};
  std::vector<std::thread> region;
  for (int t = 0; t < 4; ++t)
    region.emplace_back([&] {
      in_parallel_region = true;
      threads += thread_team(0).size();
      CHECK(thread_team(2).size() == 2);
    });
  for (std::thread& t : region) t.join();
  CHECK(threads == 4);
  CHECK(thread_team(0).size() == available_threads());
}

TEST_CASE("the limit of a control group is the smallest on the way to the root, rounded up") {
  const scratch_folder folder;
  const std::string root = folder.path().string(), groups = root + "/groups";
  const auto write = [](const std::string& file, const std::string& text) { std::ofstream(file) << text; };
  const auto limit = [&](const std::string& lines) {
    write(groups, lines);
    return control_group_limit(groups, root);
  };
  std::filesystem::create_directories(root + "/a/b");
  CHECK(control_group_limit(root + "/missing", root) == 0);
  CHECK(limit("0::/a/b\n") == 0);
  write(root + "/a/b/cpu.max", "max 100000\n");
  CHECK(limit("0::/a/b\n") == 0);
  write(root + "/a/b/cpu.max", "250000 100000\n");
  CHECK(limit("0::/a/b\n") == 3);
  CHECK(limit("1:cpu:/x\n0::/a/b\n") == 3);
  CHECK(limit("0::/\n") == 0);
  write(root + "/a/cpu.max", "200000 100000\n");
  CHECK(limit("0::/a/b\n") == 2);
  CHECK(limit("0::/a\n") == 2);
  write(root + "/cpu.max", "1000 100000\n");
  CHECK(limit("0::/a/b\n") == 1);
  CHECK(limit("0::/\n") == 1);
  CHECK(limit("0::/gone/away\n") == 1);
  write(root + "/cpu.max", "max\n");
  CHECK(limit("0::/\n") == 0);
  write(root + "/cpu.max", "nonsense");
  CHECK(limit("0::/\n") == 0);
  write(root + "/cpu.max", "400000 100000");
  CHECK(limit("0::/../elsewhere\n") == 4);
}

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
