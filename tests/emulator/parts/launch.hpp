// SPDX-License-Identifier: Apache-2.0
// What a kernel may call, and launches: the limits of the hardware, checked when the launch is asked for, and the blocks of the grid
// in a drawn order.
#pragma once
#include <map>

#include "block.hpp"
#include "names.hpp"
#include "streams.hpp"

__shared__ __align__(4096) unsigned char raptr::cuda_backend::shared_memory[];

namespace emulator::inside {

uint3 thread_index{}, block_index{};
dim3 block_size, grid_size;

namespace {
void must_run() {
  if (block_runner::running == nullptr) throw fault("a function of the device was called outside of a kernel");
}
}  // namespace

EMULATOR_UNSEEN void barrier(const char* file, int line) {
  must_run();
  block_runner::wait(waits::for_block, 0, 0, 0, file, line);
}
EMULATOR_UNSEEN void warp_barrier(unsigned mask, const char* file, int line) {
  must_run();
  block_runner::wait(waits::for_warp, mask, 0, 0, file, line);
}
EMULATOR_UNSEEN std::uint64_t shuffle(unsigned mask, std::uint64_t value, int source_lane, const char* file, int line) {
  must_run();
  block_runner::wait(waits::for_shuffle, mask, source_lane, value, file, line);
  return block_runner::received();
}
EMULATOR_UNSEEN int lane() { return block_runner::running_lane; }

inline constexpr std::size_t default_shared_bytes = 48 * 1024;

inline std::map<std::pair<int, const void*>, std::size_t> shared_limits;  // of cudaFuncSetAttribute, by device and kernel
inline std::uint64_t launch_number = 0;

inline void run_grid(running_launch launch) {
  static block_runner runner;
  const dim3 grid = launch.grid;
  coin draw(current_options.seed * 0x9e3779b97f4a7c15u + ++launch_number);
  // Every block once: steps of a length that has no factor in common with their number.
  const std::uint64_t blocks = std::uint64_t{grid.x} * grid.y * grid.z;
  std::uint64_t step = 1 + draw.below(blocks);
  while (std::gcd(step, blocks) != 1) ++step;
  std::uint64_t at = draw.below(blocks);
  launch.stream->release(launch.stream->start_of_launch());
  grid_size = grid, block_size = launch.block;
  for (std::uint64_t i = 0; i < blocks; ++i, at = (at + step) % blocks) {
    const uint3 block{static_cast<unsigned>(at % grid.x), static_cast<unsigned>(at / grid.x % grid.y), static_cast<unsigned>(at / grid.x / grid.y)};
    runner.run(launch, block, draw);
  }
  launch.stream->acquire(launch.stream->end_of_launch());
}

inline cudaError_t check_launch(const cudaLaunchConfig_t& config, const void* kernel) {
  const dim3 &grid = config.gridDim, &block = config.blockDim;
  const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || threads == 0) return cudaErrorInvalidConfiguration;
  if (grid.x > 2147483647u || grid.y > 65535 || grid.z > 65535) return cudaErrorInvalidConfiguration;
  if (block.x > 1024 || block.y > 1024 || block.z > 64 || threads > 1024) return cudaErrorInvalidConfiguration;
  const auto raised = shared_limits.find({current_device, kernel});
  if (config.dynamicSmemBytes > (raised == shared_limits.end() ? default_shared_bytes : raised->second)) return cudaErrorInvalidValue;
  if (config.numAttrs != 0) return cudaErrorNotSupported;
  if (!known(config.stream) || config.stream->device != current_device) return cudaErrorInvalidResourceHandle;
  if (10 * current_options.device.major + current_options.device.minor < current_options.architecture) return cudaErrorNoKernelImageForDevice;
  return cudaSuccess;
}

cudaError_t launch(const cudaLaunchConfig_t* config, const void* kernel, std::function<void()> thread) {
  return inside::call([&] {
    if (config == nullptr) return cudaErrorInvalidValue;
    if (kernel == nullptr) return cudaErrorInvalidDeviceFunction;
    const cudaError_t error = check_launch(*config, kernel);
    if (error != cudaSuccess) return error;
    const std::string& name = name_of(kernel);
    ++current_counts.launches;
    ++current_counts.kernels[name];
    CUstream_st& stream = *config->stream;
    enqueue(stream, [what = *config, &stream, &name, thread = std::move(thread)] {
      run_grid({&thread, &name, &stream.thread, what.gridDim, what.blockDim, what.dynamicSmemBytes});
    });
    return cudaSuccess;
  });
}

}  // namespace emulator::inside
