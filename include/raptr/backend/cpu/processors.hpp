// SPDX-License-Identifier: Apache-2.0
// How many threads a caller may start by default: the processors of its affinity, within the limit of its control group, and one
// inside a parallel region of OpenMP, whose threads have divided the processors already. Surprise: OpenMP is asked through a weak
// symbol, so nothing depends on it, and a program without it is in no region.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#if defined(__linux__)
#include <sched.h>
#endif

namespace raptr::cpu_backend {

#if defined(__linux__)
extern "C" int raptr_omp_in_parallel() __asm__("omp_in_parallel") __attribute__((weak));
#endif

/// The processors that the control group of this process may use at a time, rounded up: the smallest limit of the group and of those
/// above it (cpu.max of version 2). 0: no limit.
///
///   groups  has the line "0::/GROUP"
///   root    where the groups are mounted
inline int control_group_limit(const std::string& groups = "/proc/self/cgroup", const std::string& root = "/sys/fs/cgroup") {
  std::string group;
  char line[4096];
  if (std::FILE* file = std::fopen(groups.c_str(), "r")) {
    while (std::fgets(line, sizeof line, file))
      if (const std::string text = line; text.starts_with("0::/")) group = text.substr(3, text.find('\n') - 3);
    std::fclose(file);
  }
  long long least = 0;
  for (;; group.resize(group.rfind('/'))) {
    if (std::FILE* file = std::fopen((root + group + "/cpu.max").c_str(), "r")) {
      if (std::fgets(line, sizeof line, file)) {
        char* rest = nullptr;
        const long long quota = std::strtoll(line, &rest, 10), period = std::strtoll(rest, nullptr, 10);  // 0 of "max 100000"
        const long long processors = quota > 0 && period > 0 ? std::min(quota / period + (quota % period != 0), 1LL << 20) : 0;
        if (processors > 0) least = least > 0 ? std::min(least, processors) : processors;
      }
      std::fclose(file);
    }
    if (group.empty()) return static_cast<int>(least);
  }
}

/// The number of threads that the caller may start, at least 1.
inline int available_threads() {
#if defined(__linux__)
  if (raptr_omp_in_parallel && raptr_omp_in_parallel()) return 1;
#endif
  int count = static_cast<int>(std::thread::hardware_concurrency());
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = CPU_COUNT(&set);
#endif
  if (const int limit = control_group_limit(); limit > 0) count = std::min(count, limit);
  return std::max(count, 1);
}

}  // namespace raptr::cpu_backend
