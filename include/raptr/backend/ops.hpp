// SPDX-License-Identifier: Apache-2.0
// The table of operations that a backend implements: three matrix products, row kernels, elementwise passes over parameter
// ranges, attention, memory. Nothing above this level reads or writes device memory in any other way. Everything but wait()
// only enqueues.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>

#include <raptr/backend/attention_rows.hpp>
#include <raptr/backend/dropout_mask.hpp>
#include <raptr/backend/param_range.hpp>
#include <raptr/backend/row_kernel.hpp>

namespace raptr {

/// A dense row-major matrix in device memory.
template <class T> struct matrix {
  T* data;
  int rows, width;
};

/// Names a fetch() that may still be under way.
using ticket = std::uint64_t;

// real: activations and compute weights.  master: master weights, gradients, moments, statistics.
// n rows; W (R, C); alpha, beta and factors are known to the host; all arrays dense and row-major; arrays must not overlap
// unless stated.
//
//   matmul_nt  y (n, R)  = x (n, C) alpha W^T + bias (R) or null, then the row kernel `epilogue` on each row of y (often fused)
//   matmul_nn  y (n, C)  = beta y + alpha a (n, R) W + bias_factor bias (C) or null; y is not read when beta = 0
//   matmul_tn  G (R, C) += alpha a (n, R)^T x (n, C);  a_sum (R) or null += column sums of a;
//                          x_sum (C) or null += x_factor column sums of x
//   for_each_row         kernel.row(team, r) for r in 0 .. n - 1; then the column sums of the kernel
//   attention            mixed (n, groups, queries, D), lse (n, groups, queries) = softmax attention with scaled scores plus
//                        `offsets`, of qkv (n, groups, queries + 2, D): the queries of a group, its key, its value; then each
//                        probability is 0 or scaled, by the head_draws of `dropout`, which lse does not see
//   attention_backward   dqkv = gradient, from dmixed, mixed, lse, qkv, offsets, dropout; and where there are offsets
//                        doffsets (segments, groups, queries, 2 reach - 1) = theirs of each segment
//   elementwise          f over the ranges of T* (full), packed_array<T> and owned_array<T> arrays: element_of() finds an element
//   elementwise_sum      into[range.tensor] += sum of f, in an order that does not depend on the other tensors of the list
//   working_set          bytes of temporaries reused within an operation: large enough to keep the device busy, no larger
//   allocate             n objects of T, uninitialised, 64-byte aligned; release() frees them; neither call synchronises
//   upload               device = host; the host memory may be reused on return
//   fetch                host = device, valid after wait(ticket)
//   host_memory          true, or absent: device memory is host memory, and everything is complete on return
template <class Ops>
concept backend = requires(Ops& ops, typename Ops::real* y, const typename Ops::real* x, typename Ops::master* m, const typename Ops::master* cm,
                           matrix<const typename Ops::real> w, matrix<typename Ops::master> g, segment_list s, param_ranges ranges, std::int64_t n,
                           const probability_dropout& drop, int* t, double* d) {
  { ops.matmul_nt(y, x, w, x, n, 1.0, no_epilogue{}) } -> std::same_as<void>;
  { ops.matmul_nn(y, x, w, n, 1.0, 1.0, x, 1.0) } -> std::same_as<void>;
  { ops.matmul_tn(g, x, x, n, 1.0, m, m, 1.0) } -> std::same_as<void>;
  { ops.for_each_row(no_epilogue{}, n) } -> std::same_as<void>;
  { ops.attention(y, m, x, head_shape{}, s, score_offsets<const typename Ops::real>{}, drop) } -> std::same_as<void>;
  { ops.attention_backward(y, x, x, cm, x, head_shape{}, s, score_offsets<const typename Ops::real>{}, m, drop) } -> std::same_as<void>;
  { ops.elementwise(convert{}, ranges, cm, packed_array<typename Ops::real>{y}) } -> std::same_as<void>;
  { ops.elementwise_sum(square{}, ranges, d, packed_array<const typename Ops::master>{cm}) } -> std::same_as<void>;
  { ops.template allocate<int>(std::size_t{}) } -> std::same_as<int*>;
  { ops.release(t) } -> std::same_as<void>;
  { ops.upload(t, t, std::size_t{}) } -> std::same_as<void>;
  { ops.fetch(t, t, std::size_t{}) } -> std::same_as<ticket>;
  { ops.wait(ticket{}) } -> std::same_as<void>;
  { Ops::working_set } -> std::convertible_to<std::int64_t>;
  { ops.description() } -> std::same_as<std::string>;
};

/// What an operation has written may be read and written on the host as any other memory.
template <class Ops>
concept in_host_memory = requires {
  requires Ops::host_memory;
};

}  // namespace raptr
