// SPDX-License-Identifier: Apache-2.0
// The common part of the attention kernels: tiles of rows in shared memory and the two products of tiles. A block of 128 threads is 8
// half-warps. Each owns every 8th row of a product, so no other warp reads what it writes of them for the next product.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include <raptr/backend/cuda/pack.cuh>
#include <raptr/backend/cuda/shared_memory.cuh>
#include <raptr/backend/ops.hpp>
#include <raptr/base/bfloat16.hpp>
#include <raptr/base/math.hpp>

namespace raptr::cuda_backend {

constexpr int half_warp = 16, half_warps = 8, attention_threads = half_warp * half_warps;
/// Shared memory that a block has on every GPU of compute capability 8.0 or later.
constexpr std::size_t shared_of_all = 99 * 1024;

template <class T> constexpr T negative_infinity = -std::numeric_limits<T>::infinity();

/// The query rows first .. first + count - 1 of a head that this block owns, none if count is not positive, and the end of the
/// keys that they see. Blocks with long rows begin first.
struct query_tile {
  group_rows at;
  int head, first, count, end;  // head: of the queries of the group
};
template <int Rows> __device__ query_tile query_tile_of_block(const segment* segments, head_shape heads, int tiles) {
  const int all_heads = heads.groups * heads.queries, number = int(blockIdx.x) % all_heads, rest = int(blockIdx.x) / all_heads;
  const group_rows at{segments[rest / tiles], heads, number / heads.queries};
  const int first = (tiles - 1 - rest % tiles) * Rows, count = at.rows.length - first;
  return {at, number % heads.queries, first, count, at.seen_by_tile(first, count < Rows ? at.rows.length : first + Rows)};
}

/// What is added to the score of a row and a key that it sees; 0 for the rows of a tile that lie behind the segment.
template <class T, class Real> __device__ T offset_of(score_offsets<const Real> offsets, const group_rows& at, int head, int row, int key) {
  return offsets.data && row < at.rows.length ? T(offsets.of(at.group * at.heads.queries + head, row)[key]) : T(0);
}

/// Rows of `Width` columns in shared memory. The 16 bytes after each of them let 8 threads read 8 rows without conflict.
template <class T, int Width> constexpr int tile_stride = Width + numbers_of_16_bytes<T>;

/// The elements of a product that a thread holds.
template <class T, int Rows, int Columns> struct fragment {
  T at[std::size_t(Rows * Columns)] = {};
  __device__ T& operator()(int i, int j) { return at[i * Columns + j]; }
  __device__ const T& operator()(int i, int j) const { return at[i * Columns + j]; }
};
/// Calls f(0) .. f(N - 1) without a loop: an array indexed by a variable would not stay in registers.
template <int... Index, class F> __device__ void unrolled(std::integer_sequence<int, Index...>, const F& f) { (f(Index), ...); }
template <int N, class F> __device__ void unrolled(const F& f) { unrolled(std::make_integer_sequence<int, N>{}, f); }

/// A block's tile of scores: each thread has Rows x Columns of them, in rows row_of(i) and columns column_of(j). `Held`: other
/// registers of a thread.
template <class T, int Rows, int Columns, int Held> struct tile_shape {
  static constexpr int rows_of_thread = Rows, columns_of_thread = Columns, rows = Rows * half_warps, columns = Columns * half_warp;
  static constexpr int registers = (Rows * Columns + Held) * int(sizeof(T)) / 4 + (Rows + Columns) * 4;
};
/// The largest tiles that fit a block and its threads: Plan<T, Width, Rows, Columns> is a tile_shape that counts its `bytes`
/// of shared memory.
template <template <class, int, int, int> class Plan, class T, int Width> constexpr auto choose_plan() {
  constexpr auto fits = [](auto plan) { return plan.bytes <= shared_of_all && plan.registers <= 200; };
  if constexpr (fits(Plan<T, Width, 8, 4>{}))
    return Plan<T, Width, 8, 4>{};
  else if constexpr (fits(Plan<T, Width, 4, 2>{}))
    return Plan<T, Width, 4, 2>{};
  else if constexpr (fits(Plan<T, Width, 2, 1>{}))
    return Plan<T, Width, 2, 1>{};
  else
    return Plan<T, Width, 1, 1>{};
}
template <template <class, int, int, int> class Plan, class T, int Width> using largest_plan = decltype(choose_plan<Plan, T, Width>());

__device__ inline int half_of_thread() { return int(threadIdx.x) / half_warp; }
__device__ inline int lane_of_thread() { return int(threadIdx.x) % half_warp; }
__device__ inline int row_of(int i) { return half_of_thread() + i * half_warps; }
__device__ inline int column_of(int j) { return lane_of_thread() + j * half_warp; }
/// Which probabilities of a tile a thread keeps, (i, j) of its fragment as bit `i Columns + j`; all of them without Drops, at no cost. The
/// keys of a thread lie 8 or 16 apart in one run of 64, so few draws serve all of them.
template <bool Drops, int Rows, int Columns> struct kept_bits {
  static_assert(Rows <= 8 && Columns <= 4 && Rows * Columns <= 32);
  std::uint32_t bits = 0;

  /// Of a tile whose rows are queries and whose columns are keys, and the other way round.
  static __device__ kept_bits of_queries(const head_draws& draws, int query, int key) {
    kept_bits kept;
    for (int i = 0; Drops && i < Rows; ++i) {
      const head_draws::words w = draws.of(query + row_of(i), key + column_of(0));
      for (int j = 0; j < Columns; ++j) kept.add(draws.keeps(w, key + column_of(j)), i, j);
    }
    return kept;
  }
  static __device__ kept_bits of_keys(const head_draws& draws, int key, int query) {
    kept_bits kept;
    for (int j = 0; Drops && j < Columns; ++j)
      for (int odd = 0; odd < 2 && odd < Rows; ++odd) {
        const head_draws::words w = draws.of(query + column_of(j), key + row_of(odd));
        for (int i = odd; i < Rows; i += 2) kept.add(draws.keeps(w, key + row_of(i)), i, j);
      }
    return kept;
  }
  /// x with zeros where it is dropped, and otherwise times the scale.
  template <class T> __device__ fragment<T, Rows, Columns> of(fragment<T, Rows, Columns> x, T scale) const {
    if constexpr (Drops)
      unrolled<Rows>([&](int i) {
        for (int j = 0; j < Columns; ++j) x(i, j) = (bits >> (i * Columns + j) & 1) != 0 ? scale * x(i, j) : T(0);
      });
    return x;
  }

 private:
  __device__ void add(bool is_kept, int i, int j) { bits |= std::uint32_t(is_kept) << (i * Columns + j); }
};

/// Outputs are stored and read in runs of up to 16 bytes.
template <class T, int Outputs> constexpr int run_of = Outputs < numbers_of_16_bytes<T> ? Outputs : numbers_of_16_bytes<T>;
template <class T, int Outputs> __device__ int output_of(int run) { return (run * half_warp + lane_of_thread()) * run_of<T, Outputs>; }

/// Rows x Width numbers of global memory into a tile; zeros after `count` rows and `width` columns.
template <int Rows, int Width, class Real, class T>
__device__ void load_tile(T* tile, const Real* from, std::int64_t stride, int count, int width, bool by_16_bytes) {
  if (by_16_bytes) {
    constexpr int n = numbers_of_16_bytes<Real>, part = numbers_of_16_bytes<T>;
    for (int i = int(threadIdx.x); i < Rows * (Width / n); i += attention_threads) {
      const int r = i / (Width / n), d = i % (Width / n) * n;
      pack<Real, n> x{};
      if (r < count && d < width) x = read<n>(from + r * stride + d);
      for (int k = 0; k < n; k += part) {
        pack<T, part> y;
        for (int e = 0; e < part; ++e) y.at[e] = T(x.at[k + e]);
        write(tile + r * tile_stride<T, Width> + d + k, y);
      }
    }
  } else {
    for (int i = int(threadIdx.x); i < Rows * Width; i += attention_threads) {
      const int r = i / Width, d = i % Width;
      tile[r * tile_stride<T, Width> + d] = r < count && d < width ? T(from[r * stride + d]) : T(0);
    }
  }
}

/// sum += A B^T of two tiles, over the first `depth` columns.
template <int Width, class T, int Rows, int Columns> __device__ void add_scores(fragment<T, Rows, Columns>& sum, const T* a, const T* b, int depth) {
  constexpr int n = numbers_of_16_bytes<T>, stride = tile_stride<T, Width>;
  a += half_of_thread() * stride, b += lane_of_thread() * stride;
  for (int d = 0; d < depth; d += n) {
    pack<T, n> x[std::size_t(Rows)], y[std::size_t(Columns)];
    for (int i = 0; i < Rows; ++i) x[i] = read<n>(a + i * half_warps * stride + d);
    for (int j = 0; j < Columns; ++j) y[j] = read<n>(b + j * half_warp * stride + d);
    for (int e = 0; e < n; ++e)
      for (int i = 0; i < Rows; ++i)
        for (int j = 0; j < Columns; ++j) sum(i, j) += x[i].at[e] * y[j].at[e];
  }
}
/// sum += A B of two tiles; A has Inner columns.
template <int Inner, int Width, class T, int Rows, int Outputs> __device__ void add_outputs(fragment<T, Rows, Outputs>& sum, const T* a, const T* b) {
  constexpr int n = numbers_of_16_bytes<T>, run = run_of<T, Outputs>, a_stride = tile_stride<T, Inner>, b_stride = tile_stride<T, Width>;
  a += half_of_thread() * a_stride, b += lane_of_thread() * run;
  for (int k = 0; k < Inner; k += n) {
    pack<T, n> x[std::size_t(Rows)];
    for (int i = 0; i < Rows; ++i) x[i] = read<n>(a + i * half_warps * a_stride + k);
    for (int e = 0; e < n; ++e)
      for (int j = 0; j < Outputs; j += run) {
        const pack<T, run> y = read<run>(b + (k + e) * b_stride + j * half_warp);
        for (int i = 0; i < Rows; ++i)
          for (int c = 0; c < run; ++c) sum(i, j + c) += x[i].at[e] * y.at[c];
      }
  }
}
/// The scores of the thread into a tile of Inner columns, as the A of add_outputs().
template <int Inner, class T, int Rows, int Columns> __device__ void store_scores(T* tile, const fragment<T, Rows, Columns>& x) {
  for (int i = 0; i < Rows; ++i)
    for (int j = 0; j < Columns; ++j) tile[row_of(i) * tile_stride<T, Inner> + column_of(j)] = x(i, j);
}
/// The first `count` rows and `width` columns of factor * x to global memory.
template <class Real, class T, int Rows, int Outputs>
__device__ void store_outputs(Real* to, std::int64_t stride, const fragment<T, Rows, Outputs>& x, T factor, int count, int width, bool by_16_bytes) {
  constexpr int run = run_of<T, Outputs>;
  unrolled<Rows>([&](int i) {
    for (int j = 0; j < Outputs; j += run) {
      const int d = output_of<T, Outputs>(j / run);
      if (row_of(i) >= count || d >= width) continue;
      pack<Real, run> y;
      for (int c = 0; c < run; ++c) y.at[c] = Real(factor * x(i, j + c));
      Real* const at = to + row_of(i) * stride + d;
      if (by_16_bytes)
        store(at, y);
      else
        for (int c = 0; c < run && d + c < width; ++c) at[c] = y.at[c];
    }
  });
}

/// The sum and the largest of one number of every thread of a half-warp, for all of them.
template <class T> __device__ T half_warp_sum(T x) {
  for (int lane = half_warp / 2; lane > 0; lane /= 2) x += __shfl_xor_sync(0xffffffffu, x, lane);
  return x;
}
template <class T> __device__ T half_warp_max(T x) {
  for (int lane = half_warp / 2; lane > 0; lane /= 2) {
    const T other = __shfl_xor_sync(0xffffffffu, x, lane);
    x = x < other ? other : x;
  }
  return x;
}

/// Whether rows of this width can be accessed 16 bytes at a time.
template <class Real, class... Arrays> bool is_aligned(int width, const Arrays*... arrays) {
  return std::size_t(width) * sizeof(Real) % 16 == 0 && ((reinterpret_cast<std::uintptr_t>(arrays) % 16 == 0) && ...);
}
/// f(segments, tiles, blocks) for as many segments at a time as a grid may have blocks: `heads` blocks for each of the tiles
/// of `rows` rows that the longest segment needs.
template <class F>
void over_segments(segment_list list, int rows, std::int64_t heads, const F& f, std::int64_t most = std::numeric_limits<int>::max()) {
  int longest = 0;
  for (int s = 0; s < list.count; ++s) longest = list.host[s].length > longest ? list.host[s].length : longest;
  const int tiles = longest / rows + (longest % rows != 0);
  const std::int64_t each = heads * tiles;
  if (each == 0) return;
  const std::int64_t step = most > each ? most / each : 1;
  for (std::int64_t s = 0; s < list.count; s += step) f(list.device + s, tiles, unsigned((list.count - s < step ? list.count - s : step) * each));
}

}  // namespace raptr::cuda_backend
