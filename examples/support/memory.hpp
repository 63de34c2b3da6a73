// SPDX-License-Identifier: Apache-2.0
// How much memory there is, for what a run needs before it begins.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>

namespace program {

/// Bytes that this process may use: the memory of the machine, or less if a limit is set (ulimit -v, a control group).
inline double memory_limit() {
  double bytes = double(::sysconf(_SC_PHYS_PAGES)) * double(::sysconf(_SC_PAGESIZE));
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) bytes = (std::min)(bytes, double(limit.rlim_cur));
  for (const char* const group : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"})
    if (std::uint64_t most = 0; std::ifstream(group) >> most) bytes = (std::min)(bytes, double(most));
  return bytes;
}

/// Weights, gradients and two moments in fp32.
inline double bytes_of_weights(std::int64_t parameters) { return 16.0 * double(parameters); }

}  // namespace program
