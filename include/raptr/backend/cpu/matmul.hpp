// SPDX-License-Identifier: Apache-2.0
// The three matrix products on the CPU: how they are cut into tasks for the threads. The sizes of tasks depend on the shape alone, and
// the epilogue runs on each block of rows while it is in cache. What multiplies a block is up to the kernels, a policy.
#pragma once

#include <algorithm>
#include <cstdint>

#include <raptr/backend/cpu/row_kernels.hpp>
#include <raptr/backend/ops.hpp>

namespace raptr::cpu_backend {
inline namespace RAPTR_INSTRUCTIONS {

/// y (n, columns) = alpha a (n, depth) B + beta y + bias_factor bias. B is (depth, columns), or stored as (columns, depth) if
/// transposed. bias: null or one value for each column.
template <class T, bool Transposed> struct matmul_arguments {
  static constexpr bool transposed = Transposed;
  T* y;
  const T *a, *b;
  std::int64_t n;
  int depth, columns;
  T alpha = T(1), beta = T(0);
  const T* bias = nullptr;
  T bias_factor = T(1);
};
/// The product, then `epilogue` on each row of y.
template <class Kernels, class T, bool Transposed, class Epilogue>
void matmul(context& ctx, const matmul_arguments<T, Transposed>& m, const Epilogue& epilogue) {
  const std::int64_t block = Kernels::rows_of_task(m.n);
  row_runner<Kernels, Epilogue> after(ctx, epilogue, ceil_div(m.n, block));
  if (m.n == 0) return;
  const auto product = Kernels::prepare(ctx, m);
  ctx.threads.parallel_for(ceil_div(m.n, block), [&](std::int64_t i, int) {
    const std::int64_t first = i * block, end = std::min(m.n, first + block);
    product.rows(first, end);
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
/// A part of G: `height` rows from row, `width` columns from column.
struct gradient_tile {
  std::int64_t row, column, height, width;
};
template <class Kernels, class T, class Master> void matmul_into_gradient(context& ctx, const gradient_arguments<T, Master>& m) {
  if (m.n == 0) return;
  const auto product = Kernels::prepare(ctx, m);
  const gradient_tile most = product.largest_tile();
  const std::int64_t across = ceil_div(m.g.width, most.width);
  ctx.threads.parallel_for(ceil_div(m.g.rows, most.height) * across, [&](std::int64_t task, int thread) {
    const std::int64_t i = task / across * most.height, j = task % across * most.width;
    product.add_to(gradient_tile{i, j, std::min(most.height, m.g.rows - i), std::min(most.width, m.g.width - j)}, ctx.own[std::size_t(thread)]);
  });
}

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::cpu_backend
