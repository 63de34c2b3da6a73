// SPDX-License-Identifier: Apache-2.0
// The errors of the CPU backend.
#pragma once

#include <cstddef>
#include <string>

#include <raptr/base/error.hpp>
#include <raptr/base/number_text.hpp>

namespace raptr::errors {

[[noreturn]] inline void bad_thread_count(int threads, int most) {
  fail("cpu_options.threads is " + std::to_string(threads) + ": ask for 1 to " + std::to_string(most) +
       ", or 0 for as many as the process may run on");
}
[[noreturn]] inline void out_of_memory(std::size_t count, std::size_t bytes_each) {
  fail("no memory for " + bytes_text(double(count) * double(bytes_each)) + " (" + std::to_string(count) + " objects of " +
       std::to_string(bytes_each) + " bytes): use a smaller model or batch");
}
[[noreturn]] inline void not_allocated_here() { fail("release() was given a pointer that this backend did not allocate, or has released already"); }

}  // namespace raptr::errors
