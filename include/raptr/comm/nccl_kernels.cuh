// SPDX-License-Identifier: Apache-2.0
// Kernels between collectives: they compare the calls of the ranks, tell the host how far the stream is, and add up in the order of ranks.
// Templates, because nvcc warns of inline kernels.
#pragma once

#include <cstdint>

#include <raptr/backend/cuda/context.cuh>
#include <raptr/comm/nccl_watch.cuh>

namespace raptr::nccl_kernels {

template <class = void> __global__ void begin_call(nccl_call_words call, nccl_call_words* mine, nccl_marks* marks) {
  *mine = call;
  marks->begun = call.word[0];
}
template <class = void> __global__ void compare_calls(const nccl_call_words* all, int rank, int ranks, nccl_marks* marks) {
  constexpr int words = sizeof(nccl_call_words) / sizeof(std::uint64_t);
  for (int other = 0; other < ranks; ++other)
    for (int k = 0; k < words; ++k)
      if (all[other].word[k] != all[rank].word[k] && marks->differs == 0) {
        marks->call = all[rank], marks->other_call = all[other], marks->other = other;
        __threadfence_system();  // the host reads the lines above when it sees the one below
        marks->differs = all[rank].word[0];
      }
}
template <class = void> __global__ void end_call(std::uint64_t number, nccl_marks* marks) { marks->ended = number; }

/// own[i] = ((r0 + r1) + r2) + ..., where the part of `rank` is own and that of rank r is parts[r * n + i].
template <class T> __global__ void sum_in_rank_order(T* own, const T* parts, std::int64_t n, int rank, int ranks) {
  const std::int64_t i = std::int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= n) return;
  T sum = rank == 0 ? own[i] : parts[i];
  for (int r = 1; r < ranks; ++r) sum += r == rank ? own[i] : parts[r * n + i];
  own[i] = sum;
}

}  // namespace raptr::nccl_kernels
