// SPDX-License-Identifier: Apache-2.0
// The products of raptr::cpu. All threads pack the right operand once; then each task multiplies its rows with the kernel of
// matmul_kernel.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <raptr/backend/cpu/matmul.hpp>
#include <raptr/backend/cpu/matmul_kernel.hpp>

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

template <class T, bool Transposed> class packed_product {
 public:
  packed_product(context& ctx, const matmul_arguments<T, Transposed>& m)
      : m_(m), packed_(pack<T, T>(ctx, m.b, Transposed, m.depth, m.columns, nullptr, T(0))) {}

  void rows(std::int64_t first, std::int64_t end) const {
    const std::int64_t padded = round_up(m_.columns, panel_width<T>);
    for_depth<T>(m_.depth, [&](std::int64_t k, std::int64_t length) {
      output_tile<T, T> to{m_.y + first * m_.columns, m_.columns, m_.alpha, m_.beta, m_.bias, m_.bias_factor};
      if (k > 0) to.beta = T(1), to.bias = nullptr;
      multiply_packed(end - first, m_.columns, length, rows_of(m_.a + first * m_.depth + k, m_.depth), packed_ + k * padded, length * panel_width<T>,
                      to);
    });
  }

 private:
  const matmul_arguments<T, Transposed>& m_;
  const T* packed_;
};

template <class T, class Master> class packed_gradient {
 public:
  packed_gradient(context& ctx, const gradient_arguments<T, Master>& m)
      : m_(m), packed_(pack<T, Master>(ctx, m.x, false, m.n, m.g.width, m.x_sum, m.x_factor)) {}

  // Every block of columns packs `a` again, so G is cut into columns only where it has few rows and too few tasks.
  gradient_tile largest_tile() const {
    return {0, 0, most_rows, ceil_div(m_.g.rows, most_rows) < 8 ? 8 * panel_width<T> : round_up(m_.g.width, panel_width<T>)};
  }
  void add_to(const gradient_tile& tile, scratch& own) const {
    const matrix<Master> g = m_.g;
    const std::int64_t padded = round_up(g.width, panel_width<T>);
    T* const left = own.template get<T>(std::size_t(depth_block<T> * most_rows));
    for_depth<T>(m_.n, [&](std::int64_t k, std::int64_t length) {
      for (std::int64_t first = 0; first < tile.height; first += tile_rows) {
        const int count = int(std::min<std::int64_t>(tile_rows, tile.height - first));
        T sums[std::size_t(tile_rows)] = {};
        pack_tile(left + first * length, m_.a + k * g.rows + tile.row + first, g.rows, length, count, sums);
        for (int s = 0; m_.a_sum && tile.column == 0 && s < count; ++s) m_.a_sum[tile.row + first + s] += Master(sums[s]);
      }
      multiply_packed(tile.height, tile.width, length, left_operand<T>{left, 1, tile_rows, length * tile_rows},
                      packed_ + k * padded + tile.column * length, length * panel_width<T>,
                      output_tile<T, Master>{g.data + tile.row * g.width + tile.column, g.width, m_.alpha, T(1), nullptr, T(0)});
    });
  }

 private:
  static constexpr std::int64_t most_rows = 8 * tile_rows;
  const gradient_arguments<T, Master>& m_;
  const T* packed_;
};

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::cpu_backend
