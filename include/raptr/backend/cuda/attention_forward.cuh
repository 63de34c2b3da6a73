// SPDX-License-Identifier: Apache-2.0
// Attention forward: a block owns a tile of query rows of one head and loops over the tiles of keys that any of them sees, with
// the running maximum and sum of the online softmax. Keys and values alternate in one tile, so that four blocks of head width
// 64 fit a multiprocessor.
#pragma once

#include <raptr/backend/cuda/attention_tile.cuh>

namespace raptr::cuda_backend {

/// The layout of shared memory: queries, keys and then values, probabilities.
template <class T, int Width, int Rows, int Columns> struct forward_plan : tile_shape<T, Rows, Columns, Rows*(Width / half_warp + 2)> {
  using shape = tile_shape<T, Rows, Columns, Rows*(Width / half_warp + 2)>;
  static constexpr int keys = shape::rows * tile_stride<T, Width>, probabilities = keys + shape::columns * tile_stride<T, Width>,
                       end = probabilities + shape::rows * tile_stride<T, shape::columns>;
  static constexpr std::size_t bytes = end * sizeof(T);
  static constexpr int blocks = sizeof(T) == 4 && Width <= 64 ? 3 : 2;  // at a time on a multiprocessor
};

template <class Real, class Master, int Width, bool Drops>
__global__ void __launch_bounds__(attention_threads, largest_plan<forward_plan, wide<Real>, Width>::blocks)
    attention_forward(Real* mixed, Master* lse, const Real* qkv, head_shape heads, const segment* segments, int tiles, bool by_16_bytes,
                      score_offsets<const Real> offsets, probability_dropout dropout) {
  using T = wide<Real>;
  using plan = largest_plan<forward_plan, T, Width>;
  constexpr int rows = plan::rows_of_thread, columns = plan::columns_of_thread, outputs = Width / half_warp;
  const auto tile_of_block = query_tile_of_block<plan::rows>(segments, heads, tiles);
  const auto& at = tile_of_block.at;
  const int head = tile_of_block.head, first = tile_of_block.first, count = tile_of_block.count, end = tile_of_block.end;
  if (count <= 0) return;
  const int depth = heads.width;
  const T scale = heads.score_scale<T>();

  T* const queries = reinterpret_cast<T*>(shared_memory);
  T *const keys = queries + plan::keys, *const probabilities = queries + plan::probabilities;
  load_tile<plan::rows, Width>(queries, qkv + at.query(head, first), at.qkv_stride(), count, depth, by_16_bytes);
  fragment<T, rows, outputs> mix;
  const head_draws draws(dropout, at, head);
  const T kept_scale = Drops ? dropout.scale<T>() : T(1);
  T row_max[std::size_t(rows)], sum[std::size_t(rows)];
  for (int i = 0; i < rows; ++i) row_max[i] = negative_infinity<T>, sum[i] = T(0);

  for (int key = 0; key < end; key += plan::columns) {
    __syncthreads();
    load_tile<plan::columns, Width>(keys, qkv + at.key(key), at.qkv_stride(), at.rows.length - key, depth, by_16_bytes);
    __syncthreads();
    fragment<T, rows, columns> p;
    add_scores<Width>(p, queries, keys, depth);
    unrolled<rows>([&](int i) {
      const int seen = at.seen(first + row_of(i)) - key;
      T next = negative_infinity<T>;
      for (int j = 0; j < columns; ++j) {
        p(i, j) =
            column_of(j) < seen ? p(i, j) * scale + offset_of<T>(offsets, at, head, first + row_of(i), key + column_of(j)) : negative_infinity<T>;
        next = next < p(i, j) ? p(i, j) : next;
      }
      next = half_warp_max(next);
      next = next < row_max[i] ? row_max[i] : next;  // every row sees key 0, so this is finite from the first tile on
      const T change = math::exp(row_max[i] - next);
      row_max[i] = next;
      sum[i] *= change;
      for (int j = 0; j < columns; ++j) sum[i] += p(i, j) = math::exp(p(i, j) - next);
      for (int c = 0; c < outputs; ++c) mix(i, c) *= change;
    });
    p = kept_bits<Drops, rows, columns>::of_queries(draws, first, key).of(p, T(1));  // the scale comes last, with the sum of all of them
    store_scores<plan::columns>(probabilities, p);
    __syncthreads();
    load_tile<plan::columns, Width>(keys, qkv + at.value(key), at.qkv_stride(), at.rows.length - key, depth, by_16_bytes);
    __syncthreads();
    add_outputs<plan::columns, Width>(mix, probabilities, keys);
  }

  unrolled<rows>([&](int i) {
    const T total = half_warp_sum(sum[i]), inverse = kept_scale / total;
    if (lane_of_thread() == 0 && row_of(i) < count) lse[at.logsumexp(head, first + row_of(i))] = Master(row_max[i]) + std::log(Master(total));
    for (int c = 0; c < outputs; ++c) mix(i, c) *= inverse;
  });
  store_outputs(mixed + at.out(head, first), at.out_stride(), mix, T(1), count, depth, by_16_bytes);
}

}  // namespace raptr::cuda_backend
