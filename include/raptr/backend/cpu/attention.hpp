// SPDX-License-Identifier: Apache-2.0
// Attention on the CPU: tiles of query rows against all keys that any of them sees, with scores and probabilities in
// per-thread scratch. In the backward pass one task owns a key-value group of a segment, so gradients need no atomics. Products and
// softmax are those of the kernels, a policy. Dropout is drawn a row at a time, as factors on its probabilities.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include <raptr/backend/attention_rows.hpp>
#include <raptr/backend/cpu/context.hpp>

namespace raptr::cpu_backend {
inline namespace RAPTR_INSTRUCTIONS {

template <class To, class T> void add(To* to, const T* from, int n, T factor) {
  RAPTR_INDEPENDENT
  for (int i = 0; i < n; ++i) to[i] += To(factor * from[i]);
}
template <class T> void multiply(T* to, const T* factors, int n) {
  RAPTR_INDEPENDENT
  for (int i = 0; i < n; ++i) to[i] *= factors[i];
}

/// Room for the factors on a row of probabilities: those of whole draws.
constexpr std::int64_t factors_of(std::int64_t length) { return round_up(length, 64); }
/// The factors on the first `seen` probabilities of a query row: 0, or scale.
template <class T> void draw_factors(T* factors, const head_draws& head, int row, int seen, T scale) {
  const head_draws draws = head;  // a copy, so that the compiler knows that no store changes it
  for (int k = 0; k < seen; k += 64) {
    RAPTR_INDEPENDENT
    for (int i = 0; i < 16; ++i) {
      const head_draws::words w = draws.of(row, k + i);
      for (int word = 0; word < 4; ++word) factors[k + 16 * word + i] = w.at[word] >= draws.limit ? scale : T(0);
    }
  }
}

template <class Kernels, class T, class Master> void attention_of(scratch& own, const group_rows& at, int query, T* mixed, Master* lse, const T* qkv,
                                                                  score_offsets<const T> offsets, const probability_dropout& dropout) {
  constexpr std::int64_t tile = Kernels::query_tile;
  const std::int64_t length = at.rows.length, width = at.heads.width, stride = at.qkv_stride(), wide = Kernels::template padded<T>(length);
  const std::int64_t key_size = Kernels::template right_size<T>(width, length), value_size = Kernels::template right_size<T>(length, width);
  const T scale = at.heads.score_scale<T>();
  const head_draws draws(dropout, at, query);
  const bool drops = draws.limit > 0;
  T* const space = own.template get<T>(std::size_t(key_size + value_size + tile * wide + (drops ? factors_of(length) : 0)));
  T *const scores = space + key_size + value_size, *const factors = scores + tile * wide;
  const auto keys = Kernels::transposed_right(space, qkv + at.key(), stride, width, length);
  const auto values = Kernels::right(space + key_size, qkv + at.value(), stride, length, width);

  for (std::int64_t first = 0; first < length; first += tile) {
    const std::int64_t count = std::min(tile, length - first), end = at.seen_by_tile(int(first), int(first + count));
    Kernels::multiply(count, end, width, Kernels::rows_of(qkv + at.query(query) + first * stride, stride), keys, scores, wide, scale, T(0));
    T inverse_sum[std::size_t(tile)];
    for (std::int64_t i = 0; i < count; ++i) {
      if (offsets.data) add(scores + i * wide, offsets.of(at.group * at.heads.queries + query, first + i), at.seen(int(first + i)), T(1));
      const auto [row_max, sum] = Kernels::softmax(scores + i * wide, at.seen(int(first + i)), int(end));
      inverse_sum[i] = T(1) / sum;
      lse[at.logsumexp(query) + (first + i) * at.logsumexp_stride()] = Master(row_max) + std::log(Master(sum));
      if (!drops) continue;
      draw_factors(factors, draws, int(first + i), at.seen(int(first + i)), dropout.scale<T>());
      multiply(scores + i * wide, factors, at.seen(int(first + i)));
    }
    T* const out = mixed + at.out(query) + first * at.out_stride();
    Kernels::multiply(count, width, end, Kernels::rows_of(scores, wide), values, out, at.out_stride(), T(1), T(0));
    for (std::int64_t i = 0; i < count; ++i)
      for (std::int64_t k = 0; k < width; ++k) out[i * at.out_stride() + k] *= inverse_sum[i];
  }
}

template <class Kernels, class T, class Master>
void attention_backward_of(scratch& own, const group_rows& at, T* dqkv, const T* dmixed, const T* mixed, const Master* lse, const T* qkv,
                           score_offsets<const T> offsets, score_offsets<Master> doffsets, const probability_dropout& dropout) {
  constexpr std::int64_t tile = Kernels::query_tile;
  const std::int64_t length = at.rows.length, width = at.heads.width, stride = at.qkv_stride(), out_stride = at.out_stride();
  const std::int64_t wide = Kernels::template padded<T>(length), across = Kernels::template right_size<T>(width, length),
                     along = Kernels::template right_size<T>(length, width), of_tile = Kernels::template right_size<T>(tile, width);
  const T scale = at.heads.score_scale<T>();
  const bool drops = dropout.limit() > 0;
  T* const space = own.template get<T>(std::size_t(2 * across + along + 2 * of_tile + 2 * tile * wide + (drops ? factors_of(length) : 0)));
  T *const query_space = space + 2 * across + along, *const output_space = query_space + of_tile;
  T *const p = output_space + of_tile, *const d = p + tile * wide, *const factors = d + tile * wide;
  const auto key_columns = Kernels::transposed_right(space, qkv + at.key(), stride, width, length);
  const auto value_columns = Kernels::transposed_right(space + across, qkv + at.value(), stride, width, length);
  const auto keys = Kernels::right(space + 2 * across, qkv + at.key(), stride, length, width);
  for (std::int64_t i = 0; i < length; ++i) std::fill_n(dqkv + at.key() + i * stride, 2 * width, T(0));

  if (doffsets.data) std::fill_n(doffsets.data, at.heads.queries * doffsets.width(), Master(0));

  for (int query = 0; query < at.heads.queries; ++query) {
    const head_draws draws(dropout, at, query);
    for (std::int64_t first = 0; first < length; first += tile) {
      const std::int64_t count = std::min(tile, length - first), end = at.seen_by_tile(int(first), int(first + count));
      const T *const q = qkv + at.query(query) + first * stride, *const dout = dmixed + at.out(query) + first * out_stride;
      Kernels::multiply(count, end, width, Kernels::rows_of(q, stride), key_columns, p, wide, scale, T(0));
      Kernels::multiply(count, end, width, Kernels::rows_of(dout, out_stride), value_columns, d, wide, T(1), T(0));
      for (std::int64_t i = 0; i < count; ++i) {
        const T dot = Kernels::dot(mixed + at.out(query) + (first + i) * out_stride, dout + i * out_stride, at.heads.width);
        const T log_sum = T(lse[at.logsumexp(query) + (first + i) * at.logsumexp_stride()]);
        const int seen = at.seen(int(first + i));
        if (offsets.data) add(p + i * wide, offsets.of(at.group * at.heads.queries + query, first + i), seen, T(1));
        if (drops) draw_factors(factors, draws, int(first + i), seen, dropout.scale<T>()), multiply(d + i * wide, factors, seen);
        Kernels::softmax_backward(p + i * wide, d + i * wide, seen, int(end), log_sum, dot, scale);
        if (drops) multiply(p + i * wide, factors, seen);
        if (doffsets.data) add(doffsets.of(query, first + i), d + i * wide, seen, 1 / scale);
      }
      const auto queries = Kernels::right(query_space, q, stride, count, width);
      const auto outputs = Kernels::right(output_space, dout, out_stride, count, width);
      Kernels::multiply(count, width, end, Kernels::rows_of(d, wide), keys, dqkv + at.query(query) + first * stride, stride, T(1), T(0));
      Kernels::multiply(end, width, count, Kernels::columns_of(d, wide), queries, dqkv + at.key(), stride, T(1), T(1));
      Kernels::multiply(end, width, count, Kernels::columns_of(p, wide), outputs, dqkv + at.value(), stride, T(1), T(1));
    }
  }
}

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::cpu_backend
