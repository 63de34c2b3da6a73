// SPDX-License-Identifier: Apache-2.0
// Walks over ranges of the arenas on the CPU: every range is cut into chunks of a fixed length, counted from its own
// start, so the sum over a tensor does not depend on what else is in the list. A unit may lie in several chunks and is
// then asked begin() once in each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include <raptr/backend/cpu/rows.hpp>
#include <raptr/backend/ops.hpp>

namespace raptr::cpu_backend {

template <class T> T* at(T* array, const walk_range& range) { return array + range.first; }
template <class T> T* at(by_plan<T> array, const walk_range& range) { return array.data + range.packed; }

/// piece(f, unit's state, count, arrays moved to the first element...) for every piece of a unit in every chunk; its
/// results, if any, are added up per chunk and then, chunk after chunk, handed to add(range, sum).
template <class F, class Piece, class Add, class... Arrays>
void walk_chunks(context& on, const F& f, walk_list list, const Piece& piece, const Add& add, Arrays... arrays) {
  constexpr std::int64_t chunk = 16384;
  constexpr bool sums = !std::is_same_v<Add, std::nullptr_t>;
  const std::size_t ranges = std::size_t(list.count);
  std::int64_t* const starts = on.packed.get<std::int64_t>(ranges + 1);  // the first chunk of each range
  starts[0] = 0;
  for (std::size_t r = 0; r < ranges; ++r) starts[r + 1] = starts[r] + pieces(list.device[r].length, chunk);
  double* const partial = sums ? on.partial.get<double>(std::size_t(starts[ranges])) : nullptr;

  on.threads.parallel_for(starts[ranges], [&](std::int64_t c, int) {
    const std::int64_t index = std::upper_bound(starts, starts + ranges + 1, c) - starts - 1;
    const walk_range& range = list.device[index];
    std::int64_t i = (c - starts[index]) * chunk;
    const std::int64_t end = std::min(range.length, i + chunk);
    double sum = 0;
    while (i < end) {
      const std::int64_t unit = i / range.per_unit, count = std::min(end, (unit + 1) * range.per_unit) - i;
      const auto state = f.begin(range, range.unit + int(unit));
      if (is_visited(state)) {
        if constexpr (sums)
          sum += piece(f, state, count, at(arrays, range) + i...);
        else
          piece(f, state, count, at(arrays, range) + i...);
      }
      i += count;
    }
    if constexpr (sums) partial[c] = sum;
  });
  if constexpr (sums)
    for (std::size_t r = 0; r < ranges; ++r)
      for (std::int64_t c = starts[r]; c < starts[r + 1]; ++c) add(list.device[r], partial[c]);
}

// f and the unit's state are copied: the compiler then knows that no store into an array can change them.
template <class F, class... Arrays> void walk(context& on, const F& f, walk_list list, Arrays... arrays) {
  const auto piece = []<class State, class... T>(F own, State state, std::int64_t n, T*... a) {
    RAPTR_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) own(state, a[i]...);
  };
  walk_chunks(on, f, list, piece, nullptr, arrays...);
}
template <class F, class... Arrays> void walk_sum(context& on, const F& f, walk_list list, double* into, Arrays... arrays) {
  const auto piece = []<class State, class... T>(F own, State state, std::int64_t n, T*... a) {
    return lane_sum(int(n), [&](int i) { return double(own(state, a[i]...)); });
  };
  walk_chunks(
      on, f, list, piece, [into](const walk_range& range, double sum) { into[range.tensor] += sum; }, arrays...);
}

}  // namespace raptr::cpu_backend
