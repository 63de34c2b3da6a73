// SPDX-License-Identifier: Apache-2.0
// What a test may ask of the emulated device: options, counters, what is alive, and calls that fail on purpose. reset() gives a new
// device. The surprise: a kernel's fault is an exception, thrown by whatever call made the queue of its stream run. One host thread.
#pragma once
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace emulator {

#if defined(__SANITIZE_THREAD__)
#define EMULATOR_TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#define EMULATOR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define EMULATOR_TSAN 1
#elif __has_feature(address_sanitizer)
#define EMULATOR_ASAN 1
#endif
#endif
#ifdef EMULATOR_TSAN
inline constexpr bool sees_races = true;  ///< TSan takes CUDA threads and streams for threads
#else
inline constexpr bool sees_races = false;
#endif
#ifdef EMULATOR_ASAN
inline constexpr bool guards_shared_memory = true;  ///< ASan stops a kernel that leaves its block's shared memory
#else
inline constexpr bool guards_shared_memory = false;  ///< a margin behind it is looked at when the block has ended
#endif

/// What a real device would answer with a wrong result, a hang or an illegal address. The sentence names kernel, block, thread and line.
struct fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// eager performs work in the call that enqueues it; lazy performs nothing until somebody must have it; random asks a seeded coin.
enum class order { eager, lazy, random };

struct nccl_settings {
  int version = 22809;
  std::uint64_t seed = 0;         ///< of the order of sums; rank 0's is that of all
  bool reports_ends = false;      ///< a rank that has ended or aborted is an asynchronous error of the others, as over a network
  bool differences_hang = false;  ///< calls that differ between ranks wait for ever, as on a real device, and are no fault
};
struct settings {
  std::uint64_t seed = 0;                           ///< of the orders of blocks, warps and lanes, and of the coin of order::random
  emulator::order order = order::random;            ///< of the work in streams
  bool strict = true;                               ///< threads that have exited are missed at __syncthreads and by masks that name them
  std::size_t memory = std::size_t{1} << 30;        ///< bytes that cudaMallocAsync may hand out together
  std::size_t matmul_alignment = 1;                 ///< bytes; of all pointers cublasLtMatmul takes, besides what its algorithm was promised
  bool products = true, products_with_bias = true;  ///< false: the heuristic of cublasLt has no algorithm for them
  int devices = 1;
  int bus = -1;                         ///< of the first device, the others follow; -1: the rank of the process
  int driver = 13000, runtime = 13000;  ///< 1000 * major + 10 * minor; driver 0: none is installed
  int architecture = 80;                ///< 10 * major + minor of the oldest device the kernels are compiled for
  double patience = 20;                 ///< seconds that the host waits for other ranks before that is a fault
  nccl_settings nccl;
  cudaDeviceProp device = {"emulator", 0, 9, 0, 132, 227 * 1024};  ///< totalGlobalMem is answered from memory
};
settings& options();

struct traffic {
  std::size_t calls = 0, bytes = 0;
};
struct counters {
  std::size_t launches = 0, matmuls = 0, synchronisations = 0;  ///< synchronisations: of a stream or event, and copies that wait
  std::size_t summed_in_output_type = 0;                        ///< products whose preference let split-K sum in bfloat16
  std::vector<unsigned> promised_alignments;                    ///< bytes; of all operands, of every algorithm that was chosen
  traffic to_device, to_host, on_device, memsets, allocations, frees;
  std::map<std::string, std::size_t> kernels;  ///< launches by demangled name, e.g. "void copy<float>(float*, float const*, int)"

  /// Launches of all kernels whose name has `part` in it.
  std::size_t launches_of(const std::string& part) const;
};
counters& counts();
void clear_counts();

struct living {
  std::size_t bytes = 0, blocks = 0;  ///< device memory
  std::size_t pinned_bytes = 0, pinned_blocks = 0;
  std::size_t streams = 0, events = 0;
  std::size_t library_objects = 0;  ///< handles, descriptors, layouts and preferences of cublasLt
  std::size_t communicators = 0;    ///< of NCCL
};
/// Performs everything that is queued, then counts.
living alive();
/// The most bytes of device memory that were alive at once since reset().
std::size_t peak_bytes();
/// The same of pinned host memory.
std::size_t peak_pinned_bytes();
/// Performs everything that is queued, without any host thread being synchronised by it.
void finish();
/// Operations that are queued and not performed.
std::size_t pending();

/// The n-th runtime call from now on (1 is the next) fails with `error`; from cudaErrorIllegalAddress on up to cudaErrorLaunchFailure,
/// and with cudaErrorECCUncorrectable, every later call fails with it too. 0 takes the order back.
void fail_after(std::size_t n, cudaError_t error);
/// Runtime calls since reset(); calls that ask for errors are not counted.
std::size_t calls();

int nvtx_depth();

/// Runs f(rank) in a process for each rank, forked here; each has the device as it is now, and NCCL connects them. Returns what each f has
/// returned, "threw: ..." with the words of an exception, or "signal 9".
std::vector<std::string> run_ranks(int ranks, const std::function<std::string(int)>& f);

/// A new device with the default options: memory, streams and events of the old one are gone, its queued work is dropped.
void reset();

}  // namespace emulator
