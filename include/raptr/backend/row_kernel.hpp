// SPDX-License-Identifier: Apache-2.0
// A row kernel computes one row of a batch and is written once for all backends: a trivially copyable functor with its own
// pointers, whose row(team, r) a backend calls for every row. The team does the work of a row: a loop with SIMD lanes on a
// CPU, a warp or a block on a GPU. Norms, activations, cross-entropy, embeddings and copies are row kernels.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <raptr/base/config.hpp>

namespace raptr {

namespace detail {
struct element_function {
  template <class... T> RAPTR_BOTH float operator()(int, T&...) const { return 0; }
};
struct run_function {
  RAPTR_BOTH void operator()(int, int) const {}
};
}  // namespace detail

/// The operations that a row kernel uses.
///
///   each(n, f, a...)   f(i, a[i]...) for i in 0 .. n - 1, which must not depend on each other
///   each(k, n, f)      f(j, i) for j in 0 .. k - 1, i in 0 .. n - 1
///   sum(n, f, a...)    the sum of f(i, a[i]...), in the type of f; every lane gets it
///   max(n, f, a...)    the largest f(i, a[i]...), n > 0
///   add(k, i, v)       adds v to column i of column sum k; called from within each()
///
/// The arrays a... are rows of n elements, or none; f may write to those that are not const. A GPU reads and writes their
/// neighbours together. An array may be given twice if one of the two is const and f reads before it writes. All but add()
/// end with a barrier.
template <class T>
concept team = requires(T& t, int n, float* a, const float* b, detail::element_function f) {
  t.each(n, f, a, b);
  t.each(n, n, detail::run_function{});
  { t.sum(n, f, b) } -> std::convertible_to<float>;
  { t.max(n, f, b) } -> std::convertible_to<float>;
  t.add(0, 0, 1.0f);
};

/// F is a functor that computes with arrays of elements as it does with one element: it consists of arithmetic and functions of
/// raptr::math, and states that by `static constexpr bool on_arrays = true`. A backend that has arrays (raptr::eigen) then calls it with
/// them, 16 elements in one argument; the others never do. What it returns is a value, or an expression of its arguments alone.
template <class F>
concept runs_on_arrays = requires {
  requires F::on_arrays;
};

/// A function, such as a lambda, that runs on arrays where `OnArrays`. An index is that of the first element.
template <class F, bool OnArrays = true> struct array_function : F {
  static constexpr bool on_arrays = OnArrays;
  using F::operator();
};
template <class F> array_function(F) -> array_function<F>;
/// The same, for a function that calls functions of A.
template <class A, class F> RAPTR_BOTH constexpr array_function<F, runs_on_arrays<A>> array_function_like(F f) { return {f}; }

/// A team that calls array functions with arrays.
template <class T>
concept team_with_arrays = requires {
  requires T::has_arrays;
};

/// The team with which the concept of a norm is checked. It has only what every team has: a norm that calls anything else does
/// not compile, and the compiler's message names this type.
struct a_team_has_each_sum_max_add {
  template <class F, class... T> void each(int n, F f, T*... arrays) const {
    for (int i = 0; i < n; ++i) f(i, arrays[i]...);
  }
  template <class F> void each(int runs, int length, F f) const {
    for (int i = 0; i < runs * length; ++i) f(i / length, i % length);
  }
  template <class F, class... T> auto sum(int n, F f, T*... arrays) const {
    auto s = f(0, arrays[0]...);
    for (int i = 1; i < n; ++i) s += f(i, arrays[i]...);
    return s;
  }
  template <class F, class... T> auto max(int n, F f, T*... arrays) const {
    auto m = f(0, arrays[0]...);
    for (int i = 1; i < n; ++i) m = f(i, arrays[i]...) > m ? f(i, arrays[i]...) : m;
    return m;
  }
  template <class V> void add(int, int, V) const {}
};
static_assert(team<a_team_has_each_sum_max_add>);

/// sums: how many column sums it adds up, each of `width` columns. A backend adds the rows up in a fixed order and then
/// *sum(k, i) += the total of column i of sum k. A kernel with long rows has `int columns() const`, by which a backend
/// chooses the size of the team.
template <class K>
concept row_kernel = std::is_trivially_copyable_v<K> && requires(const K& kernel, a_team_has_each_sum_max_add& t, std::int64_t r) {
  typename std::integral_constant<int, K::sums>;
  kernel.row(t, r);
} &&(K::sums == 0 || requires(const K& kernel) {
  { kernel.width } -> std::convertible_to<int>;
  *kernel.sum(0, 0) += *kernel.sum(0, 0);
});

/// A matrix product without an epilogue.
struct no_epilogue {
  static constexpr int sums = 0;
  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team&, std::int64_t) const {}
};

/// Two row kernels on the same row, one after the other.
template <class First, class Second> struct kernel_sequence {
  static_assert(First::sums == 0 && Second::sums == 0);
  static constexpr int sums = 0;
  First first;
  Second second;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const { first.row(team, r), second.row(team, r); }
};
/// Both as one epilogue; one of them may be none.
template <class First, class Second> constexpr auto in_sequence(const First& first, const Second& second) {
  if constexpr (std::is_same_v<First, no_epilogue>)
    return second;
  else if constexpr (std::is_same_v<Second, no_epilogue>)
    return first;
  else
    return kernel_sequence<First, Second>{first, second};
}

/// What the column sums of a kernel are added up in; char if it has none.
template <class K> struct sum_of { using type = std::remove_pointer_t<decltype(std::declval<const K&>().sum(0, 0))>; };
template <class K>
requires(K::sums == 0) struct sum_of<K> {
  using type = char;
};

}  // namespace raptr
