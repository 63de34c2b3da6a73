// SPDX-License-Identifier: Apache-2.0
// Elementwise passes over parameter ranges on a GPU: one launch for all ranges, one block for each chunk. Four elements at a
// time, 16 bytes of float, where a range without gaps and its units begin at multiples of four; otherwise one at a time.
#pragma once

#include <cstdint>

#include <raptr/backend/cuda/context.cuh>
#include <raptr/backend/cuda/pack.cuh>
#include <raptr/backend/cuda/team.cuh>
#include <raptr/backend/ops.hpp>

namespace raptr::cuda_backend {

inline constexpr int elementwise_threads = 256, group_size = 4;

template <bool Sums, int Count, class F, class State, class... G> __device__ double visit(const F& f, const State& state, G... g) {
  double sum = 0;
  for (int j = 0; j < Count; ++j) {
    if constexpr (Sums)
      sum += double(f(state, g.in.at[j]...));
    else
      f(state, g.in.at[j]...);
  }
  (g.store(), ...);
  return sum;
}
template <int Count, class T> __device__ group<T, Count> group_at(T* from) { return group<T, Count>(from); }
/// The elements first .. end - 1 of a range that belong to this thread. It divides once: from one iteration to the
/// next, the unit index advances by a constant, plus at most one.
template <bool Sums, int Count, class F, class... Arrays>
__device__ double visit_chunk(const F& f, const param_range& range, std::int64_t first, std::int64_t end, Arrays... arrays) {
  constexpr std::int64_t stride = elementwise_threads * Count;
  double sum = 0;
  std::int64_t i = first + std::int64_t(threadIdx.x) * Count;
  if (i >= end) return sum;
  const std::int64_t per_unit = range.per_unit, further = stride / per_unit;
  std::int64_t unit = i / per_unit, unit_end = (unit + 1) * per_unit;
  auto state = f.begin(range, range.unit + int(unit));
  for (;;) {
    if constexpr (Count > 1) {
      if (is_visited(state)) sum += visit<Sums, Count>(f, state, group_at<Count>(begin_of(arrays, range) + i)...);
    } else {
      if (is_visited(state)) sum += visit<Sums, Count>(f, state, group_at<Count>(element_of(arrays, range, i, unit))...);
    }
    i += stride;
    if (i >= end) return sum;
    const std::int64_t before = unit;
    unit += further, unit_end += further * per_unit;
    if (i >= unit_end) ++unit, unit_end += per_unit;
    if (unit != before) state = f.begin(range, range.unit + int(unit));
  }
}

/// partial: the sum of every chunk.
template <bool Sums, class F, class... Arrays>
__global__ void __launch_bounds__(elementwise_threads) run_elementwise(F f, param_ranges ranges, double* partial, Arrays... arrays) {
  const std::int64_t chunk = blockIdx.x;
  const param_range& range = range_of_chunk(ranges, chunk);
  const std::int64_t first = (chunk - range.chunk) * range_chunk, end = first + range_chunk < range.length ? first + range_chunk : range.length;
  double sum;
  if (range.gap == 0 && range.per_unit % group_size == 0 && (begins_pack<group_size>(begin_of(arrays, range)) && ...))
    sum = visit_chunk<Sums, group_size>(f, range, first, end, arrays...);
  else
    sum = visit_chunk<Sums, 1>(f, range, first, end, arrays...);
  if constexpr (Sums) {
    sum = join_block<elementwise_threads>(sum, reinterpret_cast<double*>(shared_memory), add_up{});
    if (threadIdx.x == 0) partial[chunk] = sum;
  }
}
/// A warp adds up the chunks of a tensor, range after range.
template <class T> __global__ void __launch_bounds__(warp) fold_elementwise(param_ranges ranges, const T* partial, double* into) {
  const int first = int(blockIdx.x), tensor = ranges.device[first].tensor;
  if (first > 0 && ranges.device[first - 1].tensor == tensor) return;
  double total = 0;
  for (int r = first; r < ranges.count && ranges.device[r].tensor == tensor; ++r) {
    const std::int64_t chunks = chunks_of(ranges.device[r].length);
    double own = 0;
    for (std::int64_t c = threadIdx.x; c < chunks; c += warp) own += partial[ranges.device[r].chunk + c];
    total += join_warp(own, add_up{});
  }
  if (threadIdx.x == 0) into[tensor] += total;
}

template <class F, class... Arrays> void elementwise(context& ctx, const F& f, param_ranges ranges, Arrays... arrays) {
  ctx.launch("elementwise", run_elementwise<false, F, Arrays...>, dim3(unsigned(ranges.chunks)), elementwise_threads, 0, f, ranges,
             static_cast<double*>(nullptr), arrays...);
}
template <class F, class... Arrays> void elementwise_sum(context& ctx, const F& f, param_ranges ranges, double* into, Arrays... arrays) {
  if (ranges.chunks == 0) return;
  double* const partial = ctx.scratch<double>(std::size_t(ranges.chunks));
  ctx.launch("elementwise", run_elementwise<true, F, Arrays...>, dim3(unsigned(ranges.chunks)), elementwise_threads,
             sizeof(double) * elementwise_threads / warp, f, ranges, partial, arrays...);
  ctx.launch("elementwise sums", fold_elementwise<double>, dim3(unsigned(ranges.count)), warp, 0, ranges, static_cast<const double*>(partial), into);
}

}  // namespace raptr::cuda_backend
