// SPDX-License-Identifier: Apache-2.0
// Token and learned position embeddings, as row programs. The backward pass visits every distinct id once and adds its
// rows in order: no atomics, the same bits for any number of threads.
#pragma once

#include <raptr/nn/step_table.hpp>

namespace raptr {

/// x (rows, C) = tokens[ids[r]] + places[positions[r]].
template <class T> struct embed {
  static constexpr int sums = 0;
  T* x;
  const T *tokens, *places;
  const int *ids, *positions;
  int width;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    const T *const a = tokens + std::int64_t{ids[r]} * width, *const b = places + std::int64_t{positions[r]} * width;
    const auto add = [](int, T& out, const T& token, const T& place) { out = token + place; };
    team.each(width, add, x + r * width, a, b);
  }
};

/// Row values[u] of g += the rows of dx that read it; one program row for every distinct value.
template <class T, class S> struct embed_backward {
  static constexpr int sums = 0;
  S* g;
  const T* dx;
  const int *values, *starts, *order;
  int width;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t u) const {
    S* const to = g + std::int64_t{values[u]} * width;
    const auto add = [](int, S& sum, const T& d) { sum += S(d); };
    for (int j = starts[u]; j < starts[u + 1]; ++j) {
      const T* const from = dx + std::int64_t{order[j]} * width;
      team.each(width, add, to, from);
    }
  }
};
template <class T, class S>
embed_backward<T, S> gather_into(S* g, const T* dx, const device_batch& on, const step_table::sorted_rows& by, int width) {
  return {g, dx, on.words + by.values, on.words + by.starts, on.words + by.order, width};
}

}  // namespace raptr
