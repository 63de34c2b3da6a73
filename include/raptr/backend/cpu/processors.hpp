// SPDX-License-Identifier: Apache-2.0
// How many threads a caller may start by default: the processors of its affinity, within the limit of its control group, and one
// inside a parallel region of OpenMP, whose threads have divided the processors already. Surprise: OpenMP is asked through a weak
// symbol, so nothing depends on it, and a program without it is in no region.
#pragma once

#include <algorithm>
#include <cstdio>
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
      if (const std::string text = line; text.starts_with("0::/")) group = "/" + text.substr(4, text.find('\n') - 4);
    std::fclose(file);
  }
  int least = 0;
  for (;; group.resize(group.rfind('/'))) {
    double quota = 0, period = 0;
    if (std::FILE* file = std::fopen((root + group + "/cpu.max").c_str(), "r")) {
      const bool limited = std::fscanf(file, "%lf %lf", &quota, &period) == 2 && quota > 0 && period > 0;  // not "max 100000"
      std::fclose(file);
      const int processors = limited ? static_cast<int>(std::min(quota / period, 1e6) + 0.999999) : 0;
      if (processors > 0) least = least > 0 ? std::min(least, processors) : processors;
    }
    if (group.empty()) return least;
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
