// SPDX-License-Identifier: Apache-2.0
// Products by Eigen, each on one thread and on operands whose sizes depend on the shapes alone, because the bits of Eigen's product change
// with both. Eigen packs both operands of every call, so a task has more rows than one of raptr::cpu.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include <raptr/backend/cpu/matmul.hpp>
#include <raptr/backend/eigen/one_thread.hpp>

namespace raptr::eigen_backend {
inline namespace RAPTR_INSTRUCTIONS {

template <class T> using dense_matrix = Eigen::Matrix<std::remove_const_t<T>, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T> using map_type = std::conditional_t<std::is_const_v<T>, const dense_matrix<T>, dense_matrix<T>>;
/// A row-major matrix whose rows begin `stride` elements apart.
template <class T> auto mapped(T* data, std::int64_t rows, std::int64_t columns, std::int64_t stride) {
  return Eigen::Map<map_type<T>, Eigen::Unaligned, Eigen::OuterStride<>>(data, rows, columns, Eigen::OuterStride<>(stride));
}

/// to = alpha a b + beta to; `to` is not read when beta = 0.
template <class To, class A, class B>
void multiply(To&& to, const A& a, const B& b, typename std::remove_cvref_t<To>::Scalar alpha, typename std::remove_cvref_t<To>::Scalar beta) {
  const one_thread scope;
  if (beta == 0) {
    to.noalias() = alpha * a * b;
  } else {
    if (beta != 1) to *= beta;
    to.noalias() += alpha * a * b;
  }
}

/// The rows of a matrix, in blocks that bound the error of a long sum: to[i] += factor times the sum of column first + i.
template <class T, class Master>
void add_column_sums(Master* to, const T* a, std::int64_t n, std::int64_t width, std::int64_t first, std::int64_t count, T factor) {
  constexpr std::int64_t block = 512;
  Eigen::Map<Eigen::Array<Master, 1, Eigen::Dynamic>> sums(to + first, count);
  for (std::int64_t k = 0; k < n; k += block)
    sums += (factor * mapped(a + k * width + first, std::min(block, n - k), count, width).array().colwise().sum()).template cast<Master>();
}

template <class T, bool Transposed> class dense_product {
 public:
  explicit dense_product(const cpu_backend::matmul_arguments<T, Transposed>& m) : m_(m) {}

  void rows(std::int64_t first, std::int64_t end) const {
    auto y = mapped(m_.y + first * m_.columns, end - first, m_.columns, m_.columns);
    const auto a = mapped(m_.a + first * m_.depth, end - first, m_.depth, m_.depth);
    if constexpr (Transposed)
      multiply(y, a, mapped(m_.b, m_.columns, m_.depth, m_.depth).transpose(), m_.alpha, m_.beta);
    else
      multiply(y, a, mapped(m_.b, m_.depth, m_.columns, m_.columns), m_.alpha, m_.beta);
    if (m_.bias) y.rowwise() += m_.bias_factor * Eigen::Map<const Eigen::Matrix<T, 1, Eigen::Dynamic>>(m_.bias, m_.columns);
  }

 private:
  const cpu_backend::matmul_arguments<T, Transposed>& m_;
};

template <class T, class Master> class dense_gradient {
 public:
  explicit dense_gradient(const cpu_backend::gradient_arguments<T, Master>& m) : m_(m) {}

  cpu_backend::gradient_tile largest_tile() const { return {0, 0, 256, 256}; }
  void add_to(const cpu_backend::gradient_tile& tile, cpu_backend::scratch&) const {
    const matrix<Master> g = m_.g;
    auto to = mapped(g.data + tile.row * g.width + tile.column, tile.height, tile.width, g.width);
    const auto a = mapped(m_.a + tile.row, m_.n, tile.height, g.rows), x = mapped(m_.x + tile.column, m_.n, tile.width, g.width);
    if constexpr (std::is_same_v<T, Master>) {
      multiply(to, a.transpose(), x, m_.alpha, T(1));
    } else {
      dense_matrix<T> sum(tile.height, tile.width);
      multiply(sum, a.transpose(), x, m_.alpha, T(0));
      to += sum.template cast<Master>();
    }
    if (m_.a_sum && tile.column == 0) add_column_sums(m_.a_sum, m_.a, m_.n, g.rows, tile.row, tile.height, T(1));
    if (m_.x_sum && tile.row == 0) add_column_sums(m_.x_sum, m_.x, m_.n, g.width, tile.column, tile.width, m_.x_factor);
  }

 private:
  const cpu_backend::gradient_arguments<T, Master>& m_;
};

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::eigen_backend
