// SPDX-License-Identifier: Apache-2.0
// Functions of raptr::math for arrays of Eigen, and the arrays that functors get: 16 elements, in registers. Surprise: exp and sqrt of
// Eigen 3.4 are wrong at the ends of their range where they are vectorised (docs/eigen.md has a table), so those are set here.
#pragma once

#include <concepts>
#include <limits>
#include <type_traits>

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
    constexpr scalar least = std::numeric_limits<scalar>::min(), most = std::numeric_limits<scalar>::max();
    const plain from = x;
    plain to = from;
    for (Eigen::Index i = 0; i < to.size(); ++i) to[i] *= from[i] < least ? scalar(0x1p64) : scalar(1);
    to = to.sqrt().eval();
    for (Eigen::Index i = 0; i < to.size(); ++i) {
      const scalar root = to[i] * (from[i] < least ? scalar(0x1p-32) : scalar(1));
      to[i] = from[i] == 0 || from[i] > most ? from[i] : root;
    }
    return to;
  }
  static plain flush_below(const A& x, scalar least) {
    plain to = x;
    for (scalar& v : to) v = math::flush_below(v, least);
    return to;
  }
};

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace math
}  // namespace raptr
