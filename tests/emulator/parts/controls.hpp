// SPDX-License-Identifier: Apache-2.0
// What emulator.hpp offers to tests.
#pragma once
#include "launch.hpp"
#include "library.hpp"
#include "nccl.hpp"

namespace emulator {

settings& options() { return inside::current_options; }
counters& counts() { return inside::current_counts; }
void clear_counts() { inside::current_counts = {}; }
std::size_t counters::launches_of(const std::string& part) const {
  std::size_t sum = 0;
  for (const auto& [name, times] : kernels) {
    if (name.find(part) != std::string::npos) sum += times;
  }
  return sum;
}

living alive() {
  using namespace inside;
  finish();
  living now{
      device_memory.bytes(), device_memory.count(), pinned_memory.bytes(), pinned_memory.count(), 0, all_events.size(), library_objects.size(), 0};
  for (const auto& stream : all_streams) now.streams += !stream->destroyed;
  for (const auto& comm : all_communicators) now.communicators += !comm->aborted && !comm->ended;
  return now;
}
std::size_t peak_bytes() { return inside::device_memory.peak(); }
std::size_t peak_pinned_bytes() { return inside::pinned_memory.peak(); }
void finish() {
  const inside::host_unseen host;
  inside::perform_everything();
}
std::size_t pending() {
  std::size_t sum = 0;
  for (const auto& stream : inside::all_streams) sum += stream->queue.size();
  return sum;
}

void fail_after(std::size_t n, cudaError_t error) { inside::errors.fail_in = n, inside::errors.fail_with = error; }
std::size_t calls() { return inside::errors.calls; }
int nvtx_depth() { return inside::ranges_open; }

void reset() {
  using namespace inside;
  const host_unseen host;
  all_communicators.clear();
  current_group = {};
  all_streams.clear();
  all_events.clear();
  device_memory.clear();
  pinned_memory.clear();
  staging_memory.clear();
  library_objects.clear();
  shared_limits.clear();
  current_options = {};
  current_counts = {};
  errors = {};
  current_device = ranges_open = 0;
  launch_number = queue_draws = 0;
}

}  // namespace emulator
