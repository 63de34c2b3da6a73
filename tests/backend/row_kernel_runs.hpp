// SPDX-License-Identifier: Apache-2.0
// What the tests of row kernels run, on any device.
#pragma once

#include <vector>

#include "../support/on_device.hpp"
#include "kernels.hpp"

namespace raptr::testing {

template <class T> struct row_results { std::vector<T> rectified, normal, soft, sums, loss, largest; };
/// The rows begin at element `shift` of their arrays.
template <class Ops> row_results<typename Ops::real> run_rows(Ops& ops, int n, int width, int shift = 0) {
  using real = typename Ops::real;
  const std::size_t size = std::size_t(n) * std::size_t(width) + std::size_t(shift);
  const on_device<Ops, real> a(ops, numbers<real>(size, 1)), b(ops, numbers<real>(size, 2)), c(ops, numbers<real>(size, 3)),
      sums(ops, numbers<real>(2 * std::size_t(width), 4)), loss(ops, std::vector<real>{real(0.5)}),
      largest(ops, std::vector<real>(std::size_t(n), real(-9)));
  ops.for_each_row(no_epilogue{}, n);
  ops.for_each_row(largest_of_row<real>{c.read() + shift, largest.get(), width}, n);
  ops.for_each_row(rectify<real>{a.get() + shift, width}, n);
  ops.for_each_row(normalise<real>{b.get() + shift, sums.get(), sums.get() + width, width}, n);
  ops.for_each_row(soft<real>{1, c.get() + shift, loss.get(), width}, n);
  return {a.values(), b.values(), c.values(), sums.values(), loss.values(), largest.values()};
}

}  // namespace raptr::testing
