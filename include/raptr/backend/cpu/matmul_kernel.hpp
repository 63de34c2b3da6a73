// SPDX-License-Identifier: Apache-2.0
// The inner kernel of every matrix product: a tile of a few rows by one panel of two SIMD vectors, kept in registers. Each
// element of a result is one chain of multiply-adds over the depth in any tile, so its bits depend neither on the tiling nor
// on the number of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <raptr/backend/cpu/simd.hpp>
#include <raptr/base/config.hpp>

namespace raptr::cpu_backend {
inline namespace RAPTR_INSTRUCTIONS {

/// The left operand: element (i, k) of tile t at data[t * tile_stride + i * row_stride + k * column_stride].
template <class T> struct left_operand {
  const T* data;
  std::int64_t row_stride, column_stride, tile_stride;
};
template <class T> left_operand<T> rows_of(const T* data, std::int64_t stride) { return {data, stride, 1, tile_rows * stride}; }
template <class T> left_operand<T> columns_of(const T* data, std::int64_t stride) { return {data, 1, stride, tile_rows}; }

/// out = alpha sum + beta out + bias_factor bias; out is not read when beta = 0. bias: one value per column, or null.
template <class T, class Out> struct output_tile {
  Out* data;
  std::int64_t stride;
  T alpha, beta;
  const T* bias;
  T bias_factor;
};

/// Calls f(0), f(1) ... with constants: an array indexed only by constants stays in registers.
template <class F, int... Index> [[gnu::always_inline]] inline void unroll(const F& f, std::integer_sequence<int, Index...>) {
  (f(std::integral_constant<int, Index>{}), ...);
}
template <int Count, class F> [[gnu::always_inline]] inline void unrolled(const F& f) { unroll(f, std::make_integer_sequence<int, Count>{}); }

template <int Rows, class T, class Out>
void multiply_tile(std::int64_t depth, left_operand<T> a, const T* panel, output_tile<T, Out> to, int columns) {
  using vector = typename simd<T>::vector;
  using unaligned = typename simd<T>::unaligned;
  constexpr int width = simd_width<T>;
  vector left[std::size_t(Rows)] = {}, right[std::size_t(Rows)] = {};
  // Prefetch the result: a tile ends too soon after its first store to hide the latency of memory.
  for (int m = 0; m < Rows; ++m) __builtin_prefetch(to.data + m * to.stride, 1), __builtin_prefetch(to.data + m * to.stride + columns - 1, 1);
  for (std::int64_t k = 0; k < depth; ++k, panel += 2 * width, a.data += a.column_stride) {
    const vector b0 = *reinterpret_cast<const unaligned*>(panel), b1 = *reinterpret_cast<const unaligned*>(panel + width);
    unrolled<Rows>([&](auto m) {
      const vector x = a.data[m * a.row_stride] - vector{};
      left[m] += x * b0, right[m] += x * b1;
    });
  }
  if constexpr (std::is_same_v<T, Out>) {
    if (columns == 2 * width) {
      vector add0 = {}, add1 = {};
      if (to.bias) {
        add0 = to.bias_factor * *reinterpret_cast<const unaligned*>(to.bias);
        add1 = to.bias_factor * *reinterpret_cast<const unaligned*>(to.bias + width);
      }
      unrolled<Rows>([&](auto m) {
        unaligned* const out = reinterpret_cast<unaligned*>(to.data + m * to.stride);
        vector y0 = to.alpha * left[m] + add0, y1 = to.alpha * right[m] + add1;
        if (to.beta != T(0)) y0 += to.beta * out[0], y1 += to.beta * out[1];
        out[0] = y0, out[1] = y1;
      });
      return;
    }
  }
  alignas(simd_bytes) T sums[std::size_t(Rows)][std::size_t(2 * width)];
  unrolled<Rows>([&](auto m) {
    *reinterpret_cast<unaligned*>(sums[m]) = left[m];
    *reinterpret_cast<unaligned*>(sums[m] + width) = right[m];
  });
  for (int m = 0; m < Rows; ++m)
    for (int j = 0; j < columns; ++j) {
      Out& out = to.data[m * to.stride + j];
      const T y = to.alpha * sums[m][j] + (to.bias ? to.bias_factor * to.bias[j] : T(0));
      out = to.beta == T(0) ? Out(y) : Out(y) + Out(to.beta) * out;
    }
}

template <int Rows, class T, class Out>
void multiply_last_rows(int rows, std::int64_t depth, const left_operand<T>& a, const T* panel, const output_tile<T, Out>& to, int columns) {
  if constexpr (Rows > 0) {
    if (rows == Rows)
      multiply_tile<Rows>(depth, a, panel, to, columns);
    else
      multiply_last_rows<Rows - 1>(rows, depth, a, panel, to, columns);
  }
}

/// `rows` rows of A times one panel.
template <class T, class Out>
void multiply_panel(std::int64_t rows, std::int64_t depth, left_operand<T> a, const T* panel, output_tile<T, Out> to, int columns) {
  for (; rows >= tile_rows; rows -= tile_rows, a.data += a.tile_stride, to.data += tile_rows * to.stride)
    multiply_tile<tile_rows>(depth, a, panel, to, columns);
  multiply_last_rows<tile_rows - 1>(int(rows), depth, a, panel, to, columns);
}

/// A panel of the right operand: B (depth, columns), columns <= panel_width, zero to the right of them.
template <class T> void pack_panel(T* panel, const T* b, std::int64_t stride, std::int64_t depth, int columns) {
  constexpr int width = panel_width<T>;
  for (std::int64_t k = 0; k < depth; ++k, b += stride, panel += width)
    if (columns == width) {
      for (int j = 0; j < width; ++j) panel[j] = b[j];
    } else {
      for (int j = 0; j < width; ++j) panel[j] = j < columns ? b[j] : T(0);
    }
}

/// a = the first halves of a and b, b = their second halves, interleaved lane by lane. Written out, because nvcc loses parameter packs here.
template <int Width, class V> [[gnu::always_inline]] inline void interleave(V& a, V& b) {
  static_assert(Width == 2 || Width == 4 || Width == 8 || Width == 16);
  const V x = a, y = b;
  if constexpr (Width == 2) {
    a = __builtin_shufflevector(x, y, 0, 2), b = __builtin_shufflevector(x, y, 1, 3);
  } else if constexpr (Width == 4) {
    a = __builtin_shufflevector(x, y, 0, 4, 1, 5), b = __builtin_shufflevector(x, y, 2, 6, 3, 7);
  } else if constexpr (Width == 8) {
    a = __builtin_shufflevector(x, y, 0, 8, 1, 9, 2, 10, 3, 11), b = __builtin_shufflevector(x, y, 4, 12, 5, 13, 6, 14, 7, 15);
  } else {
    a = __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    b = __builtin_shufflevector(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  }
}
/// Transposes a square of vectors in log2(Width) rounds.
template <int Width, int Rounds, class V> [[gnu::always_inline]] inline void transpose(V* square) {
  if constexpr (Rounds > 1) {
    V next[std::size_t(Width)];
    unrolled<Width / 2>([&](auto i) {
      next[2 * i] = square[i], next[2 * i + 1] = square[i + Width / 2];
      interleave<Width>(next[2 * i], next[2 * i + 1]);
    });
    unrolled<Width>([&](auto i) { square[i] = next[i]; });
    transpose<Width, Rounds / 2>(square);
  }
}
/// The same from the transpose: column j of the panel is row j of `b`.
template <class T> void pack_panel_transposed(T* panel, const T* b, std::int64_t stride, std::int64_t depth, int columns) {
  using unaligned = typename simd<T>::unaligned;
  constexpr int width = panel_width<T>, half = simd_width<T>;
  std::int64_t k = 0;
  if (columns == width)
    for (; k + half <= depth; k += half)
      for (int j = 0; j < width; j += half) {
        typename simd<T>::vector square[std::size_t(half)];
        unrolled<half>([&](auto i) { square[i] = *reinterpret_cast<const unaligned*>(b + (j + i) * stride + k); });
        transpose<half, half>(square);
        unrolled<half>([&](auto i) { *reinterpret_cast<unaligned*>(panel + (k + i) * width + j) = square[i]; });
      }
  for (; k < depth; ++k)
    for (int j = 0; j < width; ++j) panel[k * width + j] = j < columns ? b[j * stride + k] : T(0);
}

/// rows x columns of A times a B whose panels lie `stride` apart.
template <class T, class Out> void multiply_packed(std::int64_t rows, std::int64_t columns, std::int64_t depth, left_operand<T> a, const T* panels,
                                                   std::int64_t stride, output_tile<T, Out> to) {
  constexpr int width = panel_width<T>;
  for (std::int64_t j = 0; j < columns; j += width, panels += stride, to.data += width) {
    multiply_panel(rows, depth, a, panels, to, int(columns - j < width ? columns - j : width));
    if (to.bias) to.bias += width;
  }
}

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::cpu_backend
