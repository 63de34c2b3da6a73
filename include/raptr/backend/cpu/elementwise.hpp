// SPDX-License-Identifier: Apache-2.0
// Elementwise passes over parameter ranges on the CPU: a chunk is a task. begin() is called once for each chunk that a unit
// lies in.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include <raptr/backend/cpu/row_kernels.hpp>
#include <raptr/backend/ops.hpp>

namespace raptr::cpu_backend {
inline namespace RAPTR_INSTRUCTIONS {

/// Calls piece(f, state of the unit, count, arrays at the first element...) for the part of every unit in every chunk. Its
/// results, if any, are summed per chunk and then passed to add(range, sum), in the order of the chunks.
template <class F, class Piece, class Add, class... Arrays>
void each_chunk(context& ctx, const F& f, param_ranges ranges, const Piece& piece, const Add& add, Arrays... arrays) {
  constexpr bool sums = !std::is_same_v<Add, std::nullptr_t>;
  double* const partial = sums ? ctx.partial.get<double>(std::size_t(ranges.chunks)) : nullptr;

  ctx.threads.parallel_for(ranges.chunks, [&](std::int64_t c, int) {
    const param_range& range = range_of_chunk(ranges, c);
    std::int64_t i = (c - range.chunk) * range_chunk;
    const std::int64_t end = std::min(range.length, i + range_chunk);
    double sum = 0;
    while (i < end) {
      const std::int64_t unit = i / range.per_unit, count = std::min(end, (unit + 1) * range.per_unit) - i;
      const auto state = f.begin(range, range.unit + int(unit));
      if (is_visited(state)) {
        if constexpr (sums)
          sum += piece(f, state, count, element_of(arrays, range, i, unit)...);
        else
          piece(f, state, count, element_of(arrays, range, i, unit)...);
      }
      i += count;
    }
    if constexpr (sums) partial[c] = sum;
  });
  if constexpr (sums)
    for (const param_range* r = ranges.device; r != ranges.device + ranges.count; ++r)
      for (std::int64_t c = r->chunk; c < r->chunk + chunks_of(r->length); ++c) add(*r, partial[c]);
}

template <class Kernels, class F, class... Arrays> void elementwise(context& ctx, const F& f, param_ranges ranges, Arrays... arrays) {
  const auto piece = [](const auto& own, const auto& state, std::int64_t n, auto*... a) { Kernels::each_element(own, state, n, a...); };
  each_chunk(ctx, f, ranges, piece, nullptr, arrays...);
}
// f and the state are copied, so that the compiler knows that no store into an array changes them.
template <class F, class... Arrays> void elementwise_sum(context& ctx, const F& f, param_ranges ranges, double* into, Arrays... arrays) {
  const auto piece = []<class State, class... T>(F own, State state, std::int64_t n, T*... a) {
    return lane_sum(int(n), [&](int i) { return double(own(state, a[i]...)); });
  };
  each_chunk(
      ctx, f, ranges, piece, [into](const param_range& range, double sum) { into[range.tensor] += sum; }, arrays...);
}

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::cpu_backend
