// SPDX-License-Identifier: Apache-2.0
// Attention backward in two kernels that recompute the probabilities: one owns a tile of query rows of a head and computes
// their gradient, one owns a tile of keys and values of a group and loops over the query rows of all its heads. No sum crosses
// blocks, so results are deterministic.
#pragma once

#include <raptr/backend/cuda/attention_tile.cuh>

namespace raptr::cuda_backend {

/// The layout of shared memory: two tiles of rows that the block owns, two of rows that it loops over, the probabilities passed
/// from one product to the next, and two numbers for each row that it loops over.
template <class T, int Width, int Rows, int Columns> struct backward_plan : tile_shape<T, Rows, Columns, Rows*(2 * Width / half_warp + Columns)> {
  using shape = tile_shape<T, Rows, Columns, Rows*(2 * Width / half_warp + Columns)>;
  static constexpr int own = shape::rows * tile_stride<T, Width>, other = shape::columns * tile_stride<T, Width>, probabilities = 2 * (own + other),
                       log_sums = probabilities + shape::rows * tile_stride<T, shape::columns>, dots = log_sums + shape::columns,
                       end = dots + shape::columns;
  static constexpr std::size_t bytes = end * sizeof(T);
};

/// d, a tile of the gradients of probabilities, becomes that of the scores, before their scale.
template <int Width, class T, int Rows, int Columns, class Real>
__device__ void score_gradients(fragment<T, Rows, Columns>& d, const T* queries, const T* keys, const group_rows& at, int head, int first, int key,
                                const T* log_sum, const T* dot, score_offsets<const Real> offsets) {
  fragment<T, Rows, Columns> p;
  add_scores<Width>(p, queries, keys, at.heads.width);
  const T scale = at.heads.score_scale<T>();
  unrolled<Rows>([&](int i) {
    const int row = first + row_of(i), seen = at.seen(row) - key;
    for (int j = 0; j < Columns; ++j)
      d(i, j) = column_of(j) < seen
                    ? math::exp(p(i, j) * scale + offset_of<T>(offsets, at, head, row, key + column_of(j)) - log_sum[i]) * (d(i, j) - dot[i])
                    : T(0);
  });
}

/// The gradient of the queries; and delta (n, groups, queries) = sum of mixed * dmixed, which the next kernel reads.
template <class Real, class Master, int Width, bool Drops> __global__ void __launch_bounds__(attention_threads, 2)
    attention_backward_queries(Real* dqkv, wide<Real>* delta, const Real* dmixed, const Real* mixed, const Master* lse, const Real* qkv,
                               head_shape heads, const segment* segments, int tiles, bool by_16_bytes, score_offsets<const Real> offsets,
                               probability_dropout dropout) {
  using T = wide<Real>;
  using plan = largest_plan<backward_plan, T, Width>;
  constexpr int rows = plan::rows_of_thread, columns = plan::columns_of_thread, outputs = Width / half_warp;
  const auto tile_of_block = query_tile_of_block<plan::rows>(segments, heads, tiles);
  const auto& at = tile_of_block.at;
  const int head = tile_of_block.head, first = tile_of_block.first, count = tile_of_block.count, end = tile_of_block.end;
  if (count <= 0) return;
  const int depth = heads.width;
  const T scale = heads.score_scale<T>();

  T* const shared = reinterpret_cast<T*>(shared_memory);
  T *const queries = shared, *const douts = queries + plan::own, *const keys = douts + plan::own, *const values = keys + plan::other;
  T* const probabilities = shared + plan::probabilities;
  load_tile<plan::rows, Width>(queries, qkv + at.query(head, first), at.qkv_stride(), count, depth, by_16_bytes);
  load_tile<plan::rows, Width>(douts, dmixed + at.out(head, first), at.out_stride(), count, depth, by_16_bytes);
  T log_sum[std::size_t(rows)], dot[std::size_t(rows)];
  unrolled<rows>([&](int i) {
    const int row = first + row_of(i);
    const bool is_real = row_of(i) < count;
    T sum = T(0);
    for (int d = lane_of_thread(); is_real && d < depth; d += half_warp) sum += T(dmixed[at.out(head, row) + d]) * T(mixed[at.out(head, row) + d]);
    dot[i] = half_warp_sum(sum);
    log_sum[i] = is_real ? T(lse[at.logsumexp(head, row)]) : T(0);
    if (lane_of_thread() == 0 && is_real) delta[at.logsumexp(head, row)] = dot[i];
  });

  const head_draws draws(dropout, at, head);
  const T kept_scale = Drops ? dropout.scale<T>() : T(1);
  fragment<T, rows, outputs> gradient;
  for (int key = 0; key < end; key += plan::columns) {
    __syncthreads();
    load_tile<plan::columns, Width>(keys, qkv + at.key(key), at.qkv_stride(), at.rows.length - key, depth, by_16_bytes);
    load_tile<plan::columns, Width>(values, qkv + at.value(key), at.qkv_stride(), at.rows.length - key, depth, by_16_bytes);
    __syncthreads();
    fragment<T, rows, columns> d;
    add_scores<Width>(d, douts, values, depth);
    d = kept_bits<Drops, rows, columns>::of_queries(draws, first, key).of(d, kept_scale);
    score_gradients<Width>(d, queries, keys, at, head, first, key, log_sum, dot, offsets);
    store_scores<plan::columns>(probabilities, d);
    __syncwarp();
    add_outputs<plan::columns, Width>(gradient, probabilities, keys);
  }
  store_outputs(dqkv + at.query(head, first), at.qkv_stride(), gradient, scale, count, depth, by_16_bytes);
}

/// The gradients of the keys and values; scores are transposed here, their rows are keys.
template <class Real, class Master, int Width, bool Drops> __global__ void __launch_bounds__(attention_threads, 2)
    attention_backward_keys(Real* dqkv, const wide<Real>* delta, const Real* dmixed, const Master* lse, const Real* qkv, head_shape heads,
                            const segment* segments, int tiles, bool by_16_bytes, score_offsets<const Real> offsets, probability_dropout dropout) {
  using T = wide<Real>;
  using plan = largest_plan<backward_plan, T, Width>;
  constexpr int rows = plan::rows_of_thread, columns = plan::columns_of_thread, outputs = Width / half_warp;
  const int group = int(blockIdx.x) % heads.groups, rest = int(blockIdx.x) / heads.groups;
  const group_rows at{segments[rest / tiles], heads, group};
  const int first = rest % tiles * plan::rows, length = at.rows.length, count = length - first, depth = heads.width;
  if (count <= 0) return;
  const T scale = heads.score_scale<T>();

  T* const shared = reinterpret_cast<T*>(shared_memory);
  T *const keys = shared, *const values = keys + plan::own, *const queries = values + plan::own, *const douts = queries + plan::other;
  T *const probabilities = shared + plan::probabilities, *const log_sums = shared + plan::log_sums, *const dots = shared + plan::dots;
  load_tile<plan::rows, Width>(keys, qkv + at.key(first), at.qkv_stride(), count, depth, by_16_bytes);
  load_tile<plan::rows, Width>(values, qkv + at.value(first), at.qkv_stride(), count, depth, by_16_bytes);
  const T kept_scale = Drops ? dropout.scale<T>() : T(1);
  fragment<T, rows, outputs> dkeys, dvalues;

  for (int head = 0; head < heads.queries; ++head) {
    const head_draws draws(dropout, at, head);
    for (int query = at.first_that_sees(first); query < length; query += plan::columns) {
      __syncthreads();
      load_tile<plan::columns, Width>(queries, qkv + at.query(head, query), at.qkv_stride(), length - query, depth, by_16_bytes);
      load_tile<plan::columns, Width>(douts, dmixed + at.out(head, query), at.out_stride(), length - query, depth, by_16_bytes);
      for (int i = int(threadIdx.x); i < plan::columns; i += attention_threads) {
        const bool is_real = i < length - query;  // the others have a gradient of zero
        log_sums[i] = is_real ? T(lse[at.logsumexp(head, query + i)]) : T(0);
        dots[i] = is_real ? delta[at.logsumexp(head, query + i)] : T(0);
      }
      __syncthreads();
      fragment<T, rows, columns> p;
      add_scores<Width>(p, keys, queries, depth);
      unrolled<columns>([&](int j) {
        const int seen = at.seen(query + column_of(j)) - first;
        const T log_sum = log_sums[column_of(j)];
        for (int i = 0; i < rows; ++i)
          p(i, j) = row_of(i) < seen ? math::exp(p(i, j) * scale + offset_of<T>(offsets, at, head, query + column_of(j), first + row_of(i)) - log_sum)
                                     : T(0);
      });
      const auto kept = kept_bits<Drops, rows, columns>::of_keys(draws, first, query);
      store_scores<plan::columns>(probabilities, kept.of(p, kept_scale));
      __syncwarp();
      add_outputs<plan::columns, Width>(dvalues, probabilities, douts);

      fragment<T, rows, columns> d;
      add_scores<Width>(d, values, douts, depth);
      d = kept.of(d, kept_scale);
      unrolled<columns>([&](int j) {
        const int seen = at.seen(query + column_of(j)) - first;
        const T dot = dots[column_of(j)];
        for (int i = 0; i < rows; ++i) d(i, j) = row_of(i) < seen ? p(i, j) * (d(i, j) - dot) : T(0);
      });
      __syncwarp();
      store_scores<plan::columns>(probabilities, d);
      __syncwarp();
      add_outputs<plan::columns, Width>(dkeys, probabilities, queries);
    }
  }
  store_outputs(dqkv + at.key(first), at.qkv_stride(), dkeys, scale, count, depth, by_16_bytes);
  store_outputs(dqkv + at.value(first), at.qkv_stride(), dvalues, T(1), count, depth, by_16_bytes);
}

/// The gradients of the offsets: a block owns a head of a segment and adds up the diagonals of each tile of scores, a thread a diagonal.
template <class Real, class Master, int Width, bool Drops> __global__ void __launch_bounds__(attention_threads, 2)
    attention_backward_offsets(Master* doffsets, const wide<Real>* delta, const Real* dmixed, const Master* lse, const Real* qkv, head_shape heads,
                               const segment* segments, bool by_16_bytes, score_offsets<const Real> offsets, probability_dropout dropout) {
  using T = wide<Real>;
  using plan = largest_plan<backward_plan, T, Width>;
  constexpr int rows = plan::rows_of_thread, columns = plan::columns_of_thread;
  const int all_heads = heads.groups * heads.queries, number = int(blockIdx.x) % all_heads, head = number % heads.queries;
  const group_rows at{segments[int(blockIdx.x) / all_heads], heads, number / heads.queries};
  const int length = at.rows.length, depth = heads.width;
  const head_draws draws(dropout, at, head);
  const T kept_scale = Drops ? dropout.scale<T>() : T(1);
  const score_offsets<Master> sums{doffsets + std::int64_t(blockIdx.x) * offsets.width(), offsets.reach};
  for (std::int64_t i = threadIdx.x; i < sums.width(); i += attention_threads) sums.data[i] = Master(0);

  T* const shared = reinterpret_cast<T*>(shared_memory);
  T *const queries = shared, *const douts = queries + plan::own, *const keys = douts + plan::own, *const values = keys + plan::other;
  T* const tile = shared + plan::probabilities;
  for (int first = 0; first < length; first += plan::rows) {
    const int count = length - first;
    __syncthreads();
    load_tile<plan::rows, Width>(queries, qkv + at.query(head, first), at.qkv_stride(), count, depth, by_16_bytes);
    load_tile<plan::rows, Width>(douts, dmixed + at.out(head, first), at.out_stride(), count, depth, by_16_bytes);
    T log_sum[std::size_t(rows)], dot[std::size_t(rows)];
    unrolled<rows>([&](int i) {
      const bool is_real = row_of(i) < count;
      log_sum[i] = is_real ? T(lse[at.logsumexp(head, first + row_of(i))]) : T(0);
      dot[i] = is_real ? delta[at.logsumexp(head, first + row_of(i))] : T(0);
    });
    const int end = at.seen_by_tile(first, count < plan::rows ? length : first + plan::rows);
    for (int key = 0; key < end; key += plan::columns) {
      __syncthreads();
      load_tile<plan::columns, Width>(keys, qkv + at.key(key), at.qkv_stride(), length - key, depth, by_16_bytes);
      load_tile<plan::columns, Width>(values, qkv + at.value(key), at.qkv_stride(), length - key, depth, by_16_bytes);
      __syncthreads();
      fragment<T, rows, columns> d;
      add_scores<Width>(d, douts, values, depth);
      d = kept_bits<Drops, rows, columns>::of_queries(draws, first, key).of(d, kept_scale);
      score_gradients<Width>(d, queries, keys, at, head, first, key, log_sum, dot, offsets);
      store_scores<plan::columns>(tile, d);
      __syncthreads();
      for (int diagonal = int(threadIdx.x) - plan::rows + 1; diagonal < plan::columns; diagonal += attention_threads) {
        T sum = T(0);
        for (int i = diagonal < 0 ? -diagonal : 0; i < plan::rows && i + diagonal < plan::columns && i < count; ++i)
          sum += tile[i * tile_stride<T, plan::columns> + i + diagonal];
        const std::int64_t distance = std::int64_t(key) - first + diagonal;
        if (distance > -offsets.reach && distance < offsets.reach) sums.of(0, 0)[distance] += Master(sum);
      }
    }
  }
}

}  // namespace raptr::cuda_backend
