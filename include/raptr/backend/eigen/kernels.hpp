// SPDX-License-Identifier: Apache-2.0
// The arithmetic of raptr::eigen, with the members of cpu_backend::own_kernels: products, softmax, array functions and update rules by Eigen.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include <raptr/backend/cpu/own_kernels.hpp>
#include <raptr/backend/eigen/products.hpp>
#include <raptr/backend/eigen/row_team.hpp>

namespace raptr::eigen_backend {
inline namespace RAPTR_INSTRUCTIONS {

struct kernels {
  static void check() { check_instructions(); }
  /// Like "eigen 3.4.0, AVX512, FMA, AVX2, ...": the instruction set that Eigen uses.
  static std::string name() { return "eigen " + std::string(eigen_version) + " (" + Eigen::SimdInstructionSetsInUse() + ")"; }

  template <class K> using team = row_team<K>;
  template <class F, class State, class... T> static void each_element(const F& f, const State& state, std::int64_t n, T*... a) {
    if constexpr (runs_on_arrays<F>)
      for_arrays(n, [&](std::int64_t i, int count) { call_with_arrays([&](auto&... values) { f(state, values...); }, count, a + i...); });
    else
      cpu_backend::own_kernels::each_element(f, state, n, a...);
  }

  static std::int64_t rows_of_task(std::int64_t n) { return std::clamp<std::int64_t>(cpu_backend::round_up(ceil_div(n, 8), 16), 16, 256); }
  template <class T, bool Transposed>
  static dense_product<T, Transposed> prepare(cpu_backend::context&, const cpu_backend::matmul_arguments<T, Transposed>& m) {
    return dense_product<T, Transposed>(m);
  }
  template <class T, class Master>
  static dense_gradient<T, Master> prepare(cpu_backend::context&, const cpu_backend::gradient_arguments<T, Master>& m) {
    return dense_gradient<T, Master>(m);
  }

  static constexpr std::int64_t query_tile = 64;
  template <class T> static std::int64_t padded(std::int64_t length) { return length; }

  template <class T, bool Transposed> struct operand {
    const T* data;
    std::int64_t stride;
    auto of(std::int64_t rows, std::int64_t columns) const {
      if constexpr (Transposed)
        return mapped(data, columns, rows, stride).transpose();
      else
        return mapped(data, rows, columns, stride);
    }
  };
  template <class T> static std::int64_t right_size(std::int64_t, std::int64_t) { return 0; }
  template <class T> static operand<T, false> right(T*, const T* b, std::int64_t stride, std::int64_t, std::int64_t) { return {b, stride}; }
  template <class T> static operand<T, true> transposed_right(T*, const T* b, std::int64_t stride, std::int64_t, std::int64_t) { return {b, stride}; }
  template <class T> static operand<T, false> rows_of(const T* a, std::int64_t stride) { return {a, stride}; }
  template <class T> static operand<T, true> columns_of(const T* a, std::int64_t stride) { return {a, stride}; }
  template <class T, bool Left, bool Right> static void multiply(std::int64_t rows, std::int64_t columns, std::int64_t depth, operand<T, Left> a,
                                                                 operand<T, Right> b, T* out, std::int64_t stride, T alpha, T beta) {
    eigen_backend::multiply(mapped(out, rows, columns, stride), a.of(rows, depth), b.of(depth, columns), alpha, beta);
  }
  template <class T> static cpu_backend::softmax_sums<T> softmax(T* row, int seen, int end) {
    row_map<T> scores(row, seen);
    const T most = scores.maxCoeff();
    scores = math::exp(scores - most);
    std::fill(row + seen, row + end, T(0));
    return {most, scores.sum()};
  }
  template <class T> static void softmax_backward(T* p, T* d, int seen, int end, T log_sum, T dot, T scale) {
    row_map<T> probabilities(p, seen), gradient(d, seen);
    probabilities = math::exp(probabilities - log_sum);
    gradient = scale * probabilities * (gradient - dot);
    std::fill(p + seen, p + end, T(0)), std::fill(d + seen, d + end, T(0));
  }
  template <class T> static T dot(const T* a, const T* b, int n) { return (row_map<const T>(a, n) * row_map<const T>(b, n)).sum(); }

 private:
  template <class T>
  using row_map = Eigen::Map<std::conditional_t<std::is_const_v<T>, const Eigen::ArrayX<std::remove_const_t<T>>, Eigen::ArrayX<T>>>;
};

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::eigen_backend
