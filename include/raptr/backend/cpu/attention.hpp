// SPDX-License-Identifier: Apache-2.0
// Attention on the CPU: tiles of query rows against all keys that any of them sees, with scores and probabilities in
// per-thread scratch. In the backward pass one task owns a key-value group of a segment, so gradients need no atomics.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <raptr/backend/attention_rows.hpp>
#include <raptr/backend/cpu/matmul_kernel.hpp>
#include <raptr/backend/cpu/row_kernels.hpp>
#include <raptr/base/math.hpp>

namespace raptr::cpu_backend {
inline namespace RAPTR_INSTRUCTIONS {

constexpr std::int64_t query_tile = 4 * tile_rows;

/// B (depth, columns) in panels; transposed: B is stored as (columns, depth).
template <class T> void pack_all(T* to, const T* b, std::int64_t stride, std::int64_t depth, std::int64_t columns, bool transposed) {
  constexpr int width = panel_width<T>;
  for (std::int64_t j = 0; j < columns; j += width, to += depth * width) {
    const int count = int(std::min<std::int64_t>(width, columns - j));
    if (transposed)
      pack_panel_transposed(to, b + j * stride, stride, depth, count);
    else
      pack_panel(to, b + j, stride, depth, count);
  }
}
/// out (rows, columns) = alpha a B + beta out, from the first `depth` rows of a B that was packed with `packed_depth` rows.
template <class T> void multiply(std::int64_t rows, std::int64_t columns, std::int64_t depth, left_operand<T> a, const T* panels,
                                 std::int64_t packed_depth, T* out, std::int64_t stride, T alpha, T beta) {
  multiply_packed(rows, columns, depth, a, panels, packed_depth * panel_width<T>, output_tile<T, T>{out, stride, alpha, beta, nullptr, T(0)});
}

// Separate functions: once inlined, some compilers no longer see that the loop stores to nothing else.
template <class T> [[gnu::noinline]] void exponentials(T* p, int n, T row_max) {
  for (int i = 0; i < n; ++i) p[i] = math::exp(p[i] - row_max);
}
/// p = softmax of the scores p, d = gradient of the scores, from d = gradient of p.
template <class T> [[gnu::noinline]] void softmax_backward(T* p, T* d, int n, T lse, T dot, T scale) {
  for (int i = 0; i < n; ++i) {
    const T probability = math::exp(p[i] - lse);
    p[i] = probability;
    d[i] = scale * probability * (d[i] - dot);
  }
}

template <class T, class Master> void attention_of(scratch& own, const group_rows& at, int query, T* mixed, Master* lse, const T* qkv) {
  const std::int64_t length = at.rows.length, width = at.heads.width, stride = at.qkv_stride(), wide = round_up(length, panel_width<T>);
  const std::int64_t key_size = wide * width, value_size = length * round_up(width, panel_width<T>);
  const T scale = at.heads.score_scale<T>();
  T* const keys = own.template get<T>(std::size_t(key_size + value_size + query_tile * wide));
  T *const values = keys + key_size, *const scores = values + value_size;
  pack_all(keys, qkv + at.key(), stride, width, length, true);
  pack_all(values, qkv + at.value(), stride, length, width, false);

  for (std::int64_t first = 0; first < length; first += query_tile) {
    const std::int64_t count = std::min(query_tile, length - first), end = at.seen_by_tile(int(first), int(first + count));
    multiply(count, end, width, rows_of(qkv + at.query(query) + first * stride, stride), keys, width, scores, wide, scale, T(0));
    const int full = int(round_up(end, panel_width<T>));
    T inverse_sum[std::size_t(query_tile)];
    for (std::int64_t i = 0; i < count; ++i) {
      T* const p = scores + i * wide;
      std::fill(p + at.seen(int(first + i)), p + full, -std::numeric_limits<T>::infinity());
      const T row_max = fold(p, full, larger{});
      exponentials(p, full, row_max);
      const T sum = fold(p, full, add_up{});
      inverse_sum[i] = T(1) / sum;
      lse[at.logsumexp(query) + (first + i) * at.logsumexp_stride()] = Master(row_max) + std::log(Master(sum));
    }
    T* const out = mixed + at.out(query) + first * at.out_stride();
    multiply(count, width, end, rows_of(scores, wide), values, length, out, at.out_stride(), T(1), T(0));
    for (std::int64_t i = 0; i < count; ++i)
      for (std::int64_t k = 0; k < width; ++k) out[i * at.out_stride() + k] *= inverse_sum[i];
  }
}

template <class T, class Master>
void attention_backward_of(scratch& own, const group_rows& at, T* dqkv, const T* dmixed, const T* mixed, const Master* lse, const T* qkv) {
  const std::int64_t length = at.rows.length, width = at.heads.width, stride = at.qkv_stride(), out_stride = at.out_stride();
  const std::int64_t wide = round_up(length, panel_width<T>), padded = round_up(width, panel_width<T>);
  const T scale = at.heads.score_scale<T>();
  T* const key_columns = own.template get<T>(std::size_t(2 * wide * width + length * padded + query_tile * (2 * padded + 2 * wide)));
  T *const value_columns = key_columns + wide * width, *const keys = value_columns + wide * width, *const queries = keys + length * padded;
  T *const outputs = queries + query_tile * padded, *const p = outputs + query_tile * padded, *const d = p + query_tile * wide;
  pack_all(key_columns, qkv + at.key(), stride, width, length, true);
  pack_all(value_columns, qkv + at.value(), stride, width, length, true);
  pack_all(keys, qkv + at.key(), stride, length, width, false);
  for (std::int64_t i = 0; i < length; ++i) std::fill_n(dqkv + at.key() + i * stride, 2 * width, T(0));

  for (int query = 0; query < at.heads.queries; ++query)
    for (std::int64_t first = 0; first < length; first += query_tile) {
      const std::int64_t count = std::min(query_tile, length - first), end = at.seen_by_tile(int(first), int(first + count));
      const T *const q = qkv + at.query(query) + first * stride, *const dout = dmixed + at.out(query) + first * out_stride;
      multiply(count, end, width, rows_of(q, stride), key_columns, width, p, wide, scale, T(0));
      multiply(count, end, width, rows_of(dout, out_stride), value_columns, width, d, wide, T(1), T(0));
      for (std::int64_t i = 0; i < count; ++i) {
        T *const pi = p + i * wide, *const di = d + i * wide;
        const T *const o = mixed + at.out(query) + (first + i) * out_stride, *const doi = dout + i * out_stride;
        const T dot = lane_sum(at.heads.width, [=](int k) { return o[k] * doi[k]; });
        std::fill(pi + at.seen(int(first + i)), pi + end, -std::numeric_limits<T>::infinity());
        softmax_backward(pi, di, int(end), T(lse[at.logsumexp(query) + (first + i) * at.logsumexp_stride()]), dot, scale);
      }
      pack_all(queries, q, stride, count, width, false);
      pack_all(outputs, dout, out_stride, count, width, false);
      multiply(count, width, end, rows_of(d, wide), keys, length, dqkv + at.query(query) + first * stride, stride, T(1), T(0));
      multiply(end, width, count, columns_of(d, wide), queries, count, dqkv + at.key(), stride, T(1), T(1));
      multiply(end, width, count, columns_of(p, wide), outputs, count, dqkv + at.value(), stride, T(1), T(1));
    }
}

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::cpu_backend
