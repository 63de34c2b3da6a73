// SPDX-License-Identifier: Apache-2.0
// The documented table of operations: three dense products, programs over rows, walks over ranges of the parameter
// arenas, attention, memory. A backend is a class that fills this table; nothing above this floor reads or writes
// device memory in any other way. Everything but wait() only enqueues.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <raptr/base/config.hpp>

namespace raptr {

/// A dense row-major matrix in device memory.
template <class T> struct matrix {
  T* data;
  int rows, width;
};

/// Rows first .. first + length - 1 of a batch that see each other: row q sees row k if k <= q or both lie in the
/// first `prefix` rows. prefix 0: causal; prefix = length: bidirectional.
struct segment {
  int first, length, prefix;
};
struct segment_list {
  const segment *host, *device;
  int count;
};
/// Key-value groups, query heads of each group, D.
struct head_shape {
  int groups, queries, width;
};

/// How many pieces of `size` it takes to cover `count`.
RAPTR_BOTH constexpr std::int64_t pieces(std::int64_t count, std::int64_t size) { return (count + size - 1) / size; }

/// Walks cut every range into chunks of so many elements, counted from its own start: what is added up does not depend on
/// the other ranges of a list.
inline constexpr std::int64_t walk_chunk = 16384;
RAPTR_BOTH constexpr std::int64_t chunks_of(std::int64_t length) { return pieces(length, walk_chunk); }

/// A run of whole units of one tensor: elements first.. in the full arenas, packed.. in those that hold active units
/// only, `unit`.. in the table of step counts. per_unit: elements of one unit, a divisor of length.
struct walk_range {
  std::int64_t first, packed, length, per_unit;
  int unit, tensor;
  bool decays;
  bool in_block = false;   // false: the model's own
  std::int64_t chunk = 0;  // the number of its first chunk in the list, see range_list
};
/// The ranges of a tensor follow each other.
struct walk_list {
  const walk_range* device;
  int count;
  std::int64_t chunks;
};
/// The range of chunk c: the last one that begins at it or before (one without elements begins where the next one does).
RAPTR_BOTH inline const walk_range& range_of_chunk(walk_list list, std::int64_t c) {
  int low = 0, end = list.count;
  while (end - low > 1) {
    const int middle = low + (end - low) / 2;
    (list.device[middle].chunk <= c ? low : end) = middle;
  }
  return list.device[low];
}
/// Marks an array that a walk indexes by `packed`.
template <class T> struct by_plan { T* data; };
/// Where the elements of a range begin in an array of a walk.
template <class T> RAPTR_BOTH T* begin_of(T* array, const walk_range& range) { return array + range.first; }
template <class T> RAPTR_BOTH T* begin_of(by_plan<T> array, const walk_range& range) { return array.data + range.packed; }

/// A row program is a trivially copyable functor with its own pointers, run once per row by a team: a loop, SIMD
/// lanes, a warp. It computes through
///   team.each(n, f, a...)   f(i, a[i]...) for i in 0 .. n - 1, which must not depend on each other
///   team.each(k, n, f)      f(j, i) for j in 0 .. k - 1, i in 0 .. n - 1
///   team.sum(n, f, a...)    the sum of f(i, a[i]...), in the type of f; every lane gets it
///   team.max(n, f, a...)    the largest f(i, a[i]...), n > 0
///   team.add(k, i, v)       adds v to column i of sum k, called from within each(); `P::sums` sums of `p.width` columns.
///                           The backend adds up the rows in a fixed order, then *p.sum(k, i) += total.
/// The arrays a... are rows of n elements, or none; f may write to those that are not const. A GPU reads and writes their
/// neighbours together. A row may be given twice if one of the two is const and f reads before it writes. All but add() end
/// with a barrier. A program with long rows says how long: `int columns() const`; a backend chooses the size of the team by it.
struct nothing {
  static constexpr int sums = 0;
  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team&, std::int64_t) const {}
};

/// What the column sums of a program are added up in; char if it has none.
template <class P> struct sum_of { using type = std::remove_pointer_t<decltype(std::declval<const P&>().sum(0, 0))>; };
template <class P>
requires(P::sums == 0) struct sum_of<P> {
  using type = char;
};

/// A walk functor is asked begin(range, unit) -> per_unit for every unit (more than once if the unit is cut in pieces),
/// then f(per_unit, a[i], b[i]...) for every element of it; not at all if per_unit has a member `run` that is false.
template <class PerUnit> RAPTR_BOTH constexpr bool is_visited(const PerUnit& state) {
  if constexpr (requires { state.run; })
    return state.run;
  else
    return true;
}
struct no_state {
  struct per_unit {};
  RAPTR_BOTH per_unit begin(const walk_range&, int) const { return {}; }
};
struct fill_zero : no_state {
  template <class T> RAPTR_BOTH void operator()(const per_unit&, T& a) const { a = T(0); }
};
struct convert : no_state {
  template <class A, class B> RAPTR_BOTH void operator()(const per_unit&, const A& from, B& to) const { to = B(from); }
};
struct square : no_state {
  template <class T> RAPTR_BOTH double operator()(const per_unit&, const T& a) const { return double(a) * double(a); }
};

/// Names a fetch() that may still be under way.
using ticket = std::uint64_t;

// real: activations and compute weights.  master: master weights, gradients, moments, statistics.
// n rows; W (R, C); alpha, beta and factors are known to the host; all arrays dense and row-major; no array may overlap another one unless that is said.
//
//   matmul_nt  y (n, R)  = x (n, C) alpha W^T + bias (R) or null, then the program `then` on each row of y (often fused)
//   matmul_nn  y (n, C)  = beta y + alpha a (n, R) W + bias_factor bias (C) or null; y is not read when beta = 0
//   matmul_tn  G (R, C) += alpha a (n, R)^T x (n, C);  a_sum (R) or null += column sums of a;
//                          x_sum (C) or null += x_factor column sums of x
//   rows       p.row(team, r) for r in 0 .. n - 1; then the column sums of the program
//   attention  mixed (n, groups, queries, D), lse (n, groups, queries) = softmax attention with scores / sqrt(D), of
//              qkv (n, groups, queries + 2, D): the queries of a group, its key, its value
//   attention_backward   dqkv = gradient, from dmixed, mixed, lse, qkv
//   walk       f over the ranges of T* (full) and by_plan<T> (packed) arrays
//   walk_sum   into[range.tensor] += sum of f, in an order that does not depend on the other tensors of the list
//   working_set   bytes of what is written, read and forgotten: large enough to keep the device busy, no larger
//   allocate   n objects of T, uninitialised, 64-byte aligned; release() gives them back; both wait for nothing pending
//   upload     device = host; the host memory may be reused on return
//   fetch      host = device, valid after wait(ticket)
template <class Ops>
concept backend = requires(Ops& on, typename Ops::real* y, const typename Ops::real* x, typename Ops::master* m, const typename Ops::master* cm,
                           matrix<const typename Ops::real> w, matrix<typename Ops::master> g, segment_list s, walk_list l, std::int64_t n, int* t,
                           double* d) {
  { on.matmul_nt(y, x, w, x, n, 1.0, nothing{}) } -> std::same_as<void>;
  { on.matmul_nn(y, x, w, n, 1.0, 1.0, x, 1.0) } -> std::same_as<void>;
  { on.matmul_tn(g, x, x, n, 1.0, m, m, 1.0) } -> std::same_as<void>;
  { on.rows(nothing{}, n) } -> std::same_as<void>;
  { on.attention(y, m, x, head_shape{}, s) } -> std::same_as<void>;
  { on.attention_backward(y, x, x, cm, x, head_shape{}, s) } -> std::same_as<void>;
  { on.walk(convert{}, l, cm, by_plan<typename Ops::real>{y}) } -> std::same_as<void>;
  { on.walk_sum(square{}, l, d, by_plan<const typename Ops::master>{cm}) } -> std::same_as<void>;
  { on.template allocate<int>(std::size_t{}) } -> std::same_as<int*>;
  { on.release(t) } -> std::same_as<void>;
  { on.upload(t, t, std::size_t{}) } -> std::same_as<void>;
  { on.fetch(t, t, std::size_t{}) } -> std::same_as<ticket>;
  { on.wait(ticket{}) } -> std::same_as<void>;
  { Ops::working_set } -> std::convertible_to<std::int64_t>;
  { on.description() } -> std::same_as<std::string>;
};

}  // namespace raptr
