// SPDX-License-Identifier: Apache-2.0
// Attention on the CPU: tiles of query rows against all keys that one of them sees, scores and probabilities in scratch
// of the thread. In the backward pass one task owns a key-value group of a segment, so its gradients need no atomics.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <raptr/backend/cpu/kernel.hpp>
#include <raptr/backend/cpu/rows.hpp>
#include <raptr/backend/ops.hpp>
#include <raptr/base/math.hpp>

namespace raptr::cpu_backend {

constexpr std::int64_t query_tile = 4 * tile_rows;

/// One group of one segment: where its rows lie and what they see.
template <class T> struct group_rows {
  segment rows;
  head_shape heads;
  int group;

  std::int64_t width() const { return std::int64_t(heads.groups) * (heads.queries + 2) * heads.width; }
  std::int64_t out_width() const { return std::int64_t(heads.groups) * heads.queries * heads.width; }
  std::int64_t slot(int s) const { return rows.first * width() + (std::int64_t(group) * (heads.queries + 2) + s) * heads.width; }
  std::int64_t key() const { return slot(heads.queries); }
  std::int64_t value() const { return slot(heads.queries + 1); }
  std::int64_t out(int query) const { return rows.first * out_width() + (std::int64_t(group) * heads.queries + query) * heads.width; }
  std::int64_t head(int query) const { return (std::int64_t(rows.first) * heads.groups + group) * heads.queries + query; }
  std::int64_t head_row() const { return std::int64_t(heads.groups) * heads.queries; }
  /// How many keys row i sees; how many the rows before `end` see at most.
  std::int64_t seen(std::int64_t i) const { return std::max<std::int64_t>(i + 1, i < rows.prefix ? rows.prefix : 0); }
  std::int64_t seen_by_tile(std::int64_t first, std::int64_t end) const { return std::max<std::int64_t>(end, first < rows.prefix ? rows.prefix : 0); }
  T scale() const { return T(1) / std::sqrt(T(heads.width)); }
};

/// B (depth, columns) in panels; transposed: B is stored as (columns, depth).
template <class T> void pack_all(T* to, const T* b, std::int64_t row, std::int64_t depth, std::int64_t columns, bool transposed) {
  constexpr int width = panel_width<T>;
  for (std::int64_t j = 0; j < columns; j += width, to += depth * width) {
    const int count = int(std::min<std::int64_t>(width, columns - j));
    if (transposed)
      pack_panel_transposed(to, b + j * row, row, depth, count);
    else
      pack_panel(to, b + j, row, depth, count);
  }
}
/// out (rows, columns) = alpha a B + beta out, from the first `depth` rows of a B that was packed with `deep` rows.
template <class T> void multiply(std::int64_t rows, std::int64_t columns, std::int64_t depth, left_operand<T> a, const T* panels, std::int64_t deep,
                                 T* out, std::int64_t row, T alpha, T beta) {
  multiply_packed(rows, columns, depth, a, panels, deep * panel_width<T>, target<T, T>{out, row, alpha, beta, nullptr, T(0)});
}

// Loops of their own functions: inlined, some compilers no longer see that nothing else is stored to.
template <class T> [[gnu::noinline]] void exponentials(T* p, int n, T top) {
  for (int i = 0; i < n; ++i) p[i] = math::exp(p[i] - top);
}
/// p = softmax of the scores p, d = gradient of the scores, from d = gradient of p.
template <class T> [[gnu::noinline]] void softmax_backward(T* p, T* d, int n, T lse, T dot, T scale) {
  for (int i = 0; i < n; ++i) {
    const T share = math::exp(p[i] - lse);
    p[i] = share;
    d[i] = scale * share * (d[i] - dot);
  }
}

template <class T, class Master> void attention_of(scratch& own, const group_rows<T>& at, int query, T* mixed, Master* lse, const T* qkv) {
  const std::int64_t length = at.rows.length, width = at.heads.width, row = at.width(), wide = round_up(length, panel_width<T>);
  const std::int64_t key_size = wide * width, value_size = length * round_up(width, panel_width<T>);
  T* const keys = own.template get<T>(std::size_t(key_size + value_size + query_tile * wide));
  T *const values = keys + key_size, *const scores = values + value_size;
  pack_all(keys, qkv + at.key(), row, width, length, true);
  pack_all(values, qkv + at.value(), row, length, width, false);

  for (std::int64_t first = 0; first < length; first += query_tile) {
    const std::int64_t count = std::min(query_tile, length - first), end = at.seen_by_tile(first, first + count);
    multiply(count, end, width, rows_of(qkv + at.slot(query) + first * row, row), keys, width, scores, wide, at.scale(), T(0));
    const int full = int(round_up(end, panel_width<T>));
    T shares[std::size_t(query_tile)];
    for (std::int64_t i = 0; i < count; ++i) {
      T* const p = scores + i * wide;
      std::fill(p + at.seen(first + i), p + full, -std::numeric_limits<T>::infinity());
      const T top = fold(p, full, larger{});
      exponentials(p, full, top);
      const T sum = fold(p, full, add_up{});
      shares[i] = T(1) / sum;
      lse[at.head(query) + (first + i) * at.head_row()] = Master(top) + std::log(Master(sum));
    }
    T* const out = mixed + at.out(query) + first * at.out_width();
    multiply(count, width, end, rows_of(scores, wide), values, length, out, at.out_width(), T(1), T(0));
    for (std::int64_t i = 0; i < count; ++i)
      for (std::int64_t k = 0; k < width; ++k) out[i * at.out_width() + k] *= shares[i];
  }
}

template <class T, class Master>
void attention_backward_of(scratch& own, const group_rows<T>& at, T* dqkv, const T* dmixed, const T* mixed, const Master* lse, const T* qkv) {
  const std::int64_t length = at.rows.length, width = at.heads.width, row = at.width(), out_row = at.out_width();
  const std::int64_t wide = round_up(length, panel_width<T>), padded = round_up(width, panel_width<T>);
  T* const key_columns = own.template get<T>(std::size_t(2 * wide * width + length * padded + query_tile * (2 * padded + 2 * wide)));
  T *const value_columns = key_columns + wide * width, *const keys = value_columns + wide * width, *const queries = keys + length * padded;
  T *const outputs = queries + query_tile * padded, *const p = outputs + query_tile * padded, *const d = p + query_tile * wide;
  pack_all(key_columns, qkv + at.key(), row, width, length, true);
  pack_all(value_columns, qkv + at.value(), row, width, length, true);
  pack_all(keys, qkv + at.key(), row, length, width, false);
  for (std::int64_t i = 0; i < length; ++i) std::fill_n(dqkv + at.key() + i * row, 2 * width, T(0));

  for (int query = 0; query < at.heads.queries; ++query)
    for (std::int64_t first = 0; first < length; first += query_tile) {
      const std::int64_t count = std::min(query_tile, length - first), end = at.seen_by_tile(first, first + count);
      const T *const q = qkv + at.slot(query) + first * row, *const dout = dmixed + at.out(query) + first * out_row;
      multiply(count, end, width, rows_of(q, row), key_columns, width, p, wide, at.scale(), T(0));
      multiply(count, end, width, rows_of(dout, out_row), value_columns, width, d, wide, T(1), T(0));
      for (std::int64_t i = 0; i < count; ++i) {
        T *const pi = p + i * wide, *const di = d + i * wide;
        const T *const o = mixed + at.out(query) + (first + i) * out_row, *const doi = dout + i * out_row;
        const T dot = lane_sum(at.heads.width, [=](int k) { return o[k] * doi[k]; });
        std::fill(pi + at.seen(first + i), pi + end, -std::numeric_limits<T>::infinity());
        softmax_backward(pi, di, int(end), T(lse[at.head(query) + (first + i) * at.head_row()]), dot, at.scale());
      }
      pack_all(queries, q, row, count, width, false);
      pack_all(outputs, dout, out_row, count, width, false);
      multiply(count, width, end, rows_of(d, wide), keys, length, dqkv + at.slot(query) + first * row, row, T(1), T(0));
      multiply(end, width, count, columns_of(d, wide), queries, count, dqkv + at.key(), row, T(1), T(1));
      multiply(end, width, count, columns_of(p, wide), outputs, count, dqkv + at.value(), row, T(1), T(1));
    }
}

}  // namespace raptr::cpu_backend
