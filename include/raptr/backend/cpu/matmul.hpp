// SPDX-License-Identifier: Apache-2.0
// The three matrix products on the CPU. All threads pack the right operand once; then blocks of rows, whose size depends on
// the shape alone, are multiplied by the next free thread. The epilogue runs on each block while it is in cache.
#pragma once

#include <algorithm>
#include <cstdint>

#include <raptr/backend/cpu/matmul_kernel.hpp>
#include <raptr/backend/cpu/row_kernels.hpp>
#include <raptr/backend/ops.hpp>

namespace raptr::cpu_backend {
inline namespace RAPTR_INSTRUCTIONS {

/// Depth of one pass over the right operand: a panel of it (64 KiB) stays in the L2 cache, and chains of additions stay short.
template <class T> constexpr std::int64_t depth_block = 2048 / std::int64_t(sizeof(T));
/// f(first, length) for each block of the depth; once even if the depth is 0.
template <class T, class F> void for_depth(std::int64_t depth, F f) {
  std::int64_t k = 0;
  do f(k, std::min(depth - k, depth_block<T>));
  while ((k += depth_block<T>) < depth);
}

/// Sums of the columns of a packed panel or tile.
template <int Width, class T> void sum_columns(const T* packed, std::int64_t depth, T* sums) {
  T sum[std::size_t(Width)] = {};
  for (std::int64_t k = 0; k < depth; ++k)
    for (int j = 0; j < Width; ++j) sum[j] += packed[k * Width + j];
  std::copy_n(sum, Width, sums);
}

/// A tile of the left operand: `count` columns of a, row after row, zero to the right of them; sums += their sums.
template <class T> void pack_tile(T* tile, const T* a, std::int64_t stride, std::int64_t depth, int count, T* sums) {
  if (count == tile_rows) {
    for (std::int64_t k = 0; k < depth; ++k, a += stride, tile += tile_rows)
      for (int m = 0; m < tile_rows; ++m) sums[m] += a[m], tile[m] = a[m];
  } else {
    for (std::int64_t k = 0; k < depth; ++k, a += stride, tile += tile_rows)
      for (int m = 0; m < tile_rows; ++m) tile[m] = m < count ? a[m] : T(0), sums[m] += tile[m];
  }
}

/// Packs B (depth, columns), or the transpose of a B (columns, depth): blocks of the depth, in each the panels.
/// columns_sum, if any, += factor times its column sums.
template <class T, class Sum> const T* pack(context& ctx, const T* b, bool transposed, std::int64_t depth, int columns, Sum* columns_sum, T factor) {
  constexpr int width = panel_width<T>;
  const std::int64_t panels = ceil_div(columns, width);
  T* const packed = ctx.packed.template get<T>(std::size_t(depth * panels * width));
  ctx.threads.parallel_for(panels, [&](std::int64_t p, int) {
    const std::int64_t j = p * width;
    const int count = int(std::min<std::int64_t>(width, columns - j));
    for_depth<T>(depth, [&](std::int64_t k, std::int64_t length) {
      T* const panel = packed + k * panels * width + p * length * width;
      if (transposed)
        pack_panel_transposed(panel, b + j * depth + k, depth, length, count);
      else
        pack_panel(panel, b + k * columns + j, columns, length, count);
      if (columns_sum) {
        T sums[std::size_t(width)];
        sum_columns<width>(panel, length, sums);
        for (int i = 0; i < count; ++i) columns_sum[j + i] += Sum(factor * sums[i]);
      }
    });
  });
  return packed;
}

/// y (n, columns) = alpha a (n, depth) B + beta y + bias_factor bias. B is (depth, columns), or stored as (columns, depth) if
/// transposed. bias: null or one value for each column.
template <class T> struct matmul_arguments {
  T* y;
  const T *a, *b;
  bool transposed = false;
  std::int64_t n;
  int depth, columns;
  T alpha = T(1), beta = T(0);
  const T* bias = nullptr;
  T bias_factor = T(1);
};
/// The product, then `epilogue` on each row of y.
template <class T, class Epilogue> void matmul(context& ctx, const matmul_arguments<T>& m, const Epilogue& epilogue) {
  constexpr std::int64_t most = 8 * tile_rows;
  const std::int64_t block = std::clamp<std::int64_t>(round_up(ceil_div(m.n, 8), tile_rows), tile_rows, most);
  const std::int64_t padded = round_up(m.columns, panel_width<T>);
  row_runner<Epilogue> after(ctx, epilogue, ceil_div(m.n, block));
  if (m.n == 0) return;
  const T* const packed = pack<T, T>(ctx, m.b, m.transposed, m.depth, m.columns, nullptr, T(0));
  ctx.threads.parallel_for(ceil_div(m.n, block), [&](std::int64_t i, int) {
    const std::int64_t first = i * block, end = std::min(m.n, first + block);
    for_depth<T>(m.depth, [&](std::int64_t k, std::int64_t length) {
      output_tile<T, T> to{m.y + first * m.columns, m.columns, m.alpha, m.beta, m.bias, m.bias_factor};
      if (k > 0) to.beta = T(1), to.bias = nullptr;
      multiply_packed(end - first, m.columns, length, rows_of(m.a + first * m.depth + k, m.depth), packed + k * padded, length * panel_width<T>, to);
    });
    after.run(i, first, end);
  });
  after.add_up();
}

/// G (R, C) += alpha a (n, R)^T x (n, C); a_sum (R) or null += column sums of a; x_sum (C) or null += x_factor column sums of x.
template <class T, class Master> struct gradient_arguments {
  matrix<Master> g;
  const T *a, *x;
  std::int64_t n;
  T alpha;
  Master *a_sum, *x_sum;
  T x_factor;
};
template <class T, class Master> void matmul_into_gradient(context& ctx, const gradient_arguments<T, Master>& m) {
  if (m.n == 0) return;
  constexpr std::int64_t rows = 8 * tile_rows;
  const matrix<Master> g = m.g;
  // Every block of columns packs `a` again, so G is cut into columns only where it has few rows and too few tasks.
  const std::int64_t down = ceil_div(g.rows, rows), columns = down < 8 ? 8 * panel_width<T> : round_up(g.width, panel_width<T>);
  const std::int64_t across = ceil_div(g.width, columns), padded = round_up(g.width, panel_width<T>);
  const T* const packed = pack<T, Master>(ctx, m.x, false, m.n, g.width, m.x_sum, m.x_factor);
  ctx.threads.parallel_for(down * across, [&](std::int64_t task, int thread) {
    const std::int64_t i = task / across * rows, j = task % across * columns;
    const std::int64_t height = std::min(rows, g.rows - i), width = std::min(columns, g.width - j), tiles = ceil_div(height, tile_rows);
    T* const left = ctx.own[std::size_t(thread)].template get<T>(std::size_t(depth_block<T> * rows));
    for_depth<T>(m.n, [&](std::int64_t k, std::int64_t length) {
      for (std::int64_t t = 0; t < tiles; ++t) {
        const std::int64_t first = t * tile_rows;
        const int count = int(std::min<std::int64_t>(tile_rows, height - first));
        T sums[std::size_t(tile_rows)] = {};
        pack_tile(left + first * length, m.a + k * g.rows + i + first, g.rows, length, count, sums);
        for (int s = 0; m.a_sum && j == 0 && s < count; ++s) m.a_sum[i + first + s] += Master(sums[s]);
      }
      multiply_packed(height, width, length, left_operand<T>{left, 1, tile_rows, length * tile_rows}, packed + k * padded + j * length,
                      length * panel_width<T>, output_tile<T, Master>{g.data + i * g.width + j, g.width, m.alpha, T(1), nullptr, T(0)});
    });
  });
}

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::cpu_backend
