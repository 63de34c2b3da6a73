// SPDX-License-Identifier: Apache-2.0
// Functions of raptr::math for arrays of Eigen, and the arrays that functors get: 16 elements, in registers. Surprise: exp and sqrt of
// Eigen 3.4 are wrong at the ends of their range where they are vectorised (docs/eigen.md has a table), so those are set here.
#pragma once

#include <concepts>
#include <limits>
#include <type_traits>

#include <raptr/backend/cpu/simd.hpp>
#include <raptr/backend/eigen/core.hpp>
#include <raptr/base/math.hpp>

namespace raptr {
namespace eigen_backend {
inline namespace RAPTR_INSTRUCTIONS {

/// Elements of an argument of an array function: 64 bytes in float, the widest vectors of any processor.
constexpr int lanes = 16;
template <class T> using lane_array = Eigen::Array<std::remove_const_t<T>, lanes, 1>;

template <class A>
concept eigen_array = std::derived_from<A, Eigen::ArrayBase<A>>;

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace eigen_backend

namespace math {
inline namespace RAPTR_INSTRUCTIONS {

template <eigen_backend::eigen_array A> struct array_functions<A> {
  using scalar = typename A::Scalar;
  using plain = typename A::PlainObject;
  template <class S> using of = Eigen::Array<S, A::RowsAtCompileTime, A::ColsAtCompileTime>;

  template <class S> static decltype(auto) as(const A& x) {
    if constexpr (std::is_same_v<S, scalar>)
      return static_cast<const A&>(x);
    else
      return x.template cast<S>();
  }
  // Half of the argument is within the range in which Eigen's exp is exact to rounding; the square overflows and vanishes where it should.
  static auto exp(const A& x) { return (scalar(0.5) * x).exp().square(); }
  static auto tanh(const A& x) { return x.tanh(); }
  static plain erf(const A& x) {
    plain to = x;
    for (scalar& v : to) v = math::erf(v);
    return to;
  }
  // Subnormal numbers are scaled into the range in which Eigen's sqrt is right; zeros of both signs and infinity are their own roots.
  static plain sqrt(const A& x) {
    using limits = std::numeric_limits<scalar>;
    const plain from = x;
    plain to = from;
    in_vectors(to, from, [](auto& v, const auto& given) { v = given < limits::min() ? given * scalar(0x1p64) : given; });
    to = to.sqrt();
    in_vectors(to, from, [](auto& v, const auto& given) {
      v = given < limits::min() ? v * scalar(0x1p-32) : v;
      v = given > limits::max() ? given : v;
      v = given == 0 ? given : v;
    });
    return to;
  }
  static plain flush_below(const A& x, scalar least) {
    const plain from = x;
    plain to = from;
    in_vectors(to, from, [least](auto& v, const auto& given) {
      const auto size = given < 0 ? -given : given;
      v = size < least ? std::remove_cvref_t<decltype(given)>{} : given;
    });
    return to;
  }

 private:
  /// f(a, b) in vectors of the compiler: Eigen 3.4 has no vectors for a choice between two values, and a loop of 16 is unrolled before it is
  /// vectorised.
  template <class F> static void in_vectors(plain& a, const plain& b, const F& f) {
    using unaligned = typename cpu_backend::simd<scalar>::unaligned;
    constexpr int width = cpu_backend::simd_width<scalar>;
    Eigen::Index i = 0;
    for (; i + width <= a.size(); i += width) {
      typename cpu_backend::simd<scalar>::vector v = *reinterpret_cast<const unaligned*>(a.data() + i);
      const typename cpu_backend::simd<scalar>::vector given = *reinterpret_cast<const unaligned*>(b.data() + i);
      f(v, given);
      *reinterpret_cast<unaligned*>(a.data() + i) = v;
    }
    for (; i < a.size(); ++i) f(a.data()[i], b.data()[i]);
  }
};

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace math
}  // namespace raptr
