// SPDX-License-Identifier: Apache-2.0
// The arithmetic of raptr::cpu, as the policy that its operations take: packed products, and loops that the compiler vectorises. Another
// set of kernels has the same members; raptr::eigen has one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include <raptr/backend/cpu/packed_products.hpp>
#include <raptr/backend/cpu/row_kernels.hpp>
#include <raptr/base/math.hpp>

namespace raptr::cpu_backend {
inline namespace RAPTR_INSTRUCTIONS {

/// max and sum of exp(x - max) of a row.
template <class T> struct softmax_sums { T max, sum; };

struct own_kernels {
  /// Throws if these kernels cannot run in this program.
  static void check() {}
  static std::string name() {
#if defined(__AVX512F__)
    return "cpu, AVX-512";
#elif defined(__AVX2__)
    return "cpu, AVX2";
#elif defined(__AVX__)
    return "cpu, AVX";
#elif defined(__SSE2__)
    return "cpu, SSE2";
#elif defined(__ARM_NEON)
    return "cpu, NEON";
#else
    return "cpu, generic";
#endif
  }

  // Row kernels and elementwise passes.

  template <class K> using team = row_team<K>;
  /// f(state, a[i]...) for n elements. f and the state are copied, so that the compiler knows that no store into an array changes them.
  template <class F, class State, class... T> static void each_element(F f, State state, std::int64_t n, T*... a) {
    RAPTR_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) f(state, a[i]...);
  }

  // Products: rows of the left operand in a task, by the number of rows alone; then an object with rows(first, end) or, of a gradient,
  // largest_tile() and add_to(tile, scratch).

  static std::int64_t rows_of_task(std::int64_t n) { return std::clamp<std::int64_t>(round_up(ceil_div(n, 8), tile_rows), tile_rows, 8 * tile_rows); }
  template <class T, bool Transposed> static packed_product<T, Transposed> prepare(context& ctx, const matmul_arguments<T, Transposed>& m) {
    return {ctx, m};
  }
  template <class T, class Master> static packed_gradient<T, Master> prepare(context& ctx, const gradient_arguments<T, Master>& m) {
    return {ctx, m};
  }

  // Attention, for one thread: products of small matrices with strides, and softmax of a row, of which the first `seen` elements count.
  // Rows of scores have room for padded(length) elements.

  static constexpr std::int64_t query_tile = 4 * tile_rows;
  template <class T> static std::int64_t padded(std::int64_t length) { return round_up(length, panel_width<T>); }

  template <class T> struct right_operand {
    const T* panels;
    std::int64_t depth;
  };
  /// Elements of memory that a right operand needs.
  template <class T> static std::int64_t right_size(std::int64_t depth, std::int64_t columns) { return depth * padded<T>(columns); }
  /// B (depth, columns).
  template <class T> static right_operand<T> right(T* memory, const T* b, std::int64_t stride, std::int64_t depth, std::int64_t columns) {
    return packed(memory, depth, columns, [=](T* panel, std::int64_t j, int count) { pack_panel(panel, b + j, stride, depth, count); });
  }
  /// The transpose of a B (columns, depth).
  template <class T> static right_operand<T> transposed_right(T* memory, const T* b, std::int64_t stride, std::int64_t depth, std::int64_t columns) {
    return packed(memory, depth, columns,
                  [=](T* panel, std::int64_t j, int count) { pack_panel_transposed(panel, b + j * stride, stride, depth, count); });
  }
  template <class T> static left_operand<T> rows_of(const T* a, std::int64_t stride) { return cpu_backend::rows_of(a, stride); }
  template <class T> static left_operand<T> columns_of(const T* a, std::int64_t stride) { return cpu_backend::columns_of(a, stride); }
  /// out (rows, columns) = alpha a B + beta out, from the first `depth` rows of B.
  template <class T> static void multiply(std::int64_t rows, std::int64_t columns, std::int64_t depth, const left_operand<T>& a,
                                          const right_operand<T>& b, T* out, std::int64_t stride, T alpha, T beta) {
    multiply_packed(rows, columns, depth, a, b.panels, b.depth * panel_width<T>, output_tile<T, T>{out, stride, alpha, beta, nullptr, T(0)});
  }
  /// The row becomes exp(x - max), and 0 from `seen` to `end`.
  template <class T> static softmax_sums<T> softmax(T* row, int seen, int end) {
    const int full = int(padded<T>(end));
    std::fill(row + seen, row + full, -std::numeric_limits<T>::infinity());
    const T row_max = fold(row, full, larger{});
    exponentials(row, full, row_max);
    return {row_max, fold(row, full, add_up{})};
  }
  /// p, the scores, become probabilities; d, the gradient of the probabilities, becomes that of the scores.
  template <class T> static void softmax_backward(T* p, T* d, int seen, int end, T log_sum, T dot, T scale) {
    std::fill(p + seen, p + end, -std::numeric_limits<T>::infinity());
    gradients(p, d, end, log_sum, dot, scale);
  }
  template <class T> static T dot(const T* a, const T* b, int n) {
    return lane_sum(n, [=](int i) { return a[i] * b[i]; });
  }

 private:
  template <class T, class Pack> static right_operand<T> packed(T* memory, std::int64_t depth, std::int64_t columns, const Pack& pack_into) {
    constexpr int width = panel_width<T>;
    for (std::int64_t j = 0; j < columns; j += width) pack_into(memory + j * depth, j, int(std::min<std::int64_t>(width, columns - j)));
    return {memory, depth};
  }
  // Separate functions: once inlined, some compilers no longer see that the loop stores to nothing else.
  template <class T> [[gnu::noinline]] static void exponentials(T* p, int n, T row_max) {
    for (int i = 0; i < n; ++i) p[i] = math::exp(p[i] - row_max);
  }
  template <class T> [[gnu::noinline]] static void gradients(T* p, T* d, int n, T log_sum, T dot, T scale) {
    for (int i = 0; i < n; ++i) {
      const T probability = math::exp(p[i] - log_sum);
      p[i] = probability;
      d[i] = scale * probability * (d[i] - dot);
    }
  }
};

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::cpu_backend
