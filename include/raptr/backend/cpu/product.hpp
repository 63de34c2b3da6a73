// SPDX-License-Identifier: Apache-2.0
// The three dense products on the CPU. The right operand is packed once, by all threads; then blocks of rows, fixed by
// the shape alone, are multiplied by whoever is free. A row program runs on each block while it is still in cache.
#pragma once

#include <algorithm>
#include <cstdint>

#include <raptr/backend/cpu/kernel.hpp>
#include <raptr/backend/cpu/rows.hpp>
#include <raptr/backend/ops.hpp>

namespace raptr::cpu_backend {

/// Rows of the right operand that are multiplied in one go: a panel of them (64 KiB) stays in the second cache, chains of additions stay short.
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
template <class T> void pack_tile(T* tile, const T* a, std::int64_t row, std::int64_t depth, int count, T* sums) {
  if (count == tile_rows) {
    for (std::int64_t k = 0; k < depth; ++k, a += row, tile += tile_rows)
      for (int m = 0; m < tile_rows; ++m) sums[m] += a[m], tile[m] = a[m];
  } else {
    for (std::int64_t k = 0; k < depth; ++k, a += row, tile += tile_rows)
      for (int m = 0; m < tile_rows; ++m) tile[m] = m < count ? a[m] : T(0), sums[m] += tile[m];
  }
}

/// Packs B (depth, columns), or the transpose of a B (columns, depth): blocks of the depth, in each the panels.
/// columns_sum, if any, += factor times its column sums.
template <class T, class Sum> const T* pack(context& on, const T* b, bool transposed, std::int64_t depth, int columns, Sum* columns_sum, T factor) {
  constexpr int width = panel_width<T>;
  const std::int64_t panels = pieces(columns, width);
  T* const packed = on.packed.template get<T>(std::size_t(depth * panels * width));
  on.threads.parallel_for(panels, [&](std::int64_t p, int) {
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

/// y (n, columns) = alpha a (n, depth) B + beta y + bias_factor bias, then `then` on each row of y.
template <class T, class Then> void product(context& on, T* y, const T* a, const T* b, bool transposed, std::int64_t n, int depth, int columns,
                                            T alpha, T beta, const T* bias, T bias_factor, const Then& then) {
  constexpr std::int64_t most = 8 * tile_rows;
  const std::int64_t block = std::clamp<std::int64_t>(round_up(pieces(n, 8), tile_rows), tile_rows, most), padded = round_up(columns, panel_width<T>);
  row_runner<Then> after(on, then, pieces(n, block));
  if (n == 0) return;
  const T* const packed = pack<T, T>(on, b, transposed, depth, columns, nullptr, T(0));
  on.threads.parallel_for(pieces(n, block), [&](std::int64_t i, int) {
    const std::int64_t first = i * block, end = std::min(n, first + block);
    for_depth<T>(depth, [&](std::int64_t k, std::int64_t length) {
      target<T, T> to{y + first * columns, columns, alpha, beta, bias, bias_factor};
      if (k > 0) to.beta = T(1), to.bias = nullptr;
      multiply_packed(end - first, columns, length, rows_of(a + first * depth + k, depth), packed + k * padded, length * panel_width<T>, to);
    });
    after.run(i, first, end);
  });
  after.add_up();
}

/// G (R, C) += alpha a (n, R)^T x (n, C), and the column sums of both.
template <class T, class Master>
void product_of_rows(context& on, matrix<Master> g, const T* a, const T* x, std::int64_t n, T alpha, Master* a_sum, Master* x_sum, T x_factor) {
  if (n == 0) return;
  constexpr std::int64_t rows = 8 * tile_rows;
  // Each block of columns packs `a` again; only a G of few rows is cut both ways, so that there are tasks enough.
  const std::int64_t down = pieces(g.rows, rows), columns = down < 8 ? 8 * panel_width<T> : round_up(g.width, panel_width<T>);
  const std::int64_t across = pieces(g.width, columns), padded = round_up(g.width, panel_width<T>);
  const T* const packed = pack<T, Master>(on, x, false, n, g.width, x_sum, x_factor);
  on.threads.parallel_for(down * across, [&](std::int64_t task, int thread) {
    const std::int64_t i = task / across * rows, j = task % across * columns;
    const std::int64_t height = std::min(rows, g.rows - i), width = std::min(columns, g.width - j), tiles = pieces(height, tile_rows);
    T* const left = on.own[std::size_t(thread)].template get<T>(std::size_t(depth_block<T> * rows));
    for_depth<T>(n, [&](std::int64_t k, std::int64_t length) {
      for (std::int64_t t = 0; t < tiles; ++t) {
        const std::int64_t m = t * tile_rows;
        const int count = int(std::min<std::int64_t>(tile_rows, height - m));
        T sums[std::size_t(tile_rows)] = {};
        pack_tile(left + m * length, a + k * g.rows + i + m, g.rows, length, count, sums);
        for (int s = 0; a_sum && j == 0 && s < count; ++s) a_sum[i + m + s] += Master(sums[s]);
      }
      multiply_packed(height, width, length, left_operand<T>{left, 1, tile_rows, length * tile_rows}, packed + k * padded + j * length,
                      length * panel_width<T>, target<T, Master>{g.data + i * g.width + j, g.width, alpha, T(1), nullptr, T(0)});
    });
  });
}

}  // namespace raptr::cpu_backend
