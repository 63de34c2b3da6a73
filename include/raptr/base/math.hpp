// SPDX-License-Identifier: Apache-2.0
// Elementary functions for loops. In float they have neither branches nor errno, so that a compiler can vectorise a loop
// over them, which it may not do with std::; in double they call std::. Surprise: even sqrt needs this, because std::sqrt
// has to set errno.
//
// Largest errors in float: exp 1, tanh 2, erf 2, sqrt 1 units in the last place. Infinities, NaN, subnormal numbers and
// signed zeros are handled as in std::.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include <raptr/base/config.hpp>

namespace raptr::math {
inline namespace RAPTR_INSTRUCTIONS {

namespace detail {

// Zero, which no compiler may assume, link-time optimisation included.
[[gnu::used]] inline std::uint64_t no_bits = 0;

}  // namespace detail

/// x as it was rounded. Flags such as -funsafe-math-optimizations, for which clang defines no macro, let a compiler fold (x + c) - c into x;
/// it folds nothing across this. Without such flags it is x, and loops around it are vectorised either way with g++. Arrays are returned
/// as they are.
template <class T> RAPTR_BOTH inline T rounded(T x) {
  if constexpr (std::is_arithmetic_v<T>) {
#if defined(__CUDA_ARCH__)
    return x;
#elif defined(__clang__)
    return __arithmetic_fence(x);
#elif defined(__ASSOCIATIVE_MATH__)
    using word = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    return __builtin_bit_cast(T, word(__builtin_bit_cast(word, x) ^ word(detail::no_bits)));
#else
    return x;
#endif
  } else {
    return x;
  }
}

namespace detail {

RAPTR_BOTH inline unsigned bits(float x) { return __builtin_bit_cast(unsigned, x); }
RAPTR_BOTH inline float from_bits(unsigned x) { return __builtin_bit_cast(float, x); }
RAPTR_BOTH inline float magnitude(float x) { return from_bits(bits(x) & 0x7fffffffu); }
RAPTR_BOTH inline float with_sign_of(float magnitude, float x) { return from_bits(bits(magnitude) | (bits(x) & 0x80000000u)); }
RAPTR_BOTH inline float power_of_two(int n) { return from_bits(unsigned(n + 127) << 23); }

// The polynomials interpolate at Chebyshev points; their own errors are below 3e-8.
RAPTR_BOTH inline float exp(float x) {
  x = x < -104.0f ? -104.0f : x;  // exp(-104) rounds to 0, exp(89) to infinity; NaN passes
  x = x > 89.0f ? 89.0f : x;
  const float shifted = rounded(x * 1.44269504f + 12582912.0f), whole = shifted - 12582912.0f;  // x / log 2, rounded by adding 1.5 * 2^23
  const int n = int(bits(shifted) - 0x4b400000u), half = n >> 1;
  const float r = rounded(x - whole * 0.693359375f) + whole * 2.12194440e-4f;  // log 2 in two parts
  const float p = 0.5f + r * (0.166665733f + r * (0.0416665487f + r * (0.00836377405f + r * 0.00139269268f)));
  return rounded((1.0f + rounded(r + r * r * p)) * power_of_two(half)) * power_of_two(n - half);  // in two steps: 2^n itself may overflow
}
RAPTR_BOTH inline float tanh(float x) {
  const float t = magnitude(x), z = x * x;
  const float q = -0.333333343f + z * (0.133333102f + z * (-0.0539608561f + z * (0.0217822473f + z * (-0.00838877354f + z * 0.00234493124f))));
  const float large = 1.0f - 2.0f / (exp(2.0f * t) + 1.0f);
  return with_sign_of(t < 0.6f ? t + t * z * q : large, x);
}
RAPTR_BOTH inline float erf(float x) {
  float t = magnitude(x);
  const float z = x * x;
  const float q = 0.128379166f +
                  z * (-0.37612626f + z * (0.112835944f + z * (-0.0268542115f + z * (0.00518908724f + z * (-0.00080168643f + z * 7.87587487e-05f)))));
  const float near_zero = x + rounded(x * q);
  t = t > 4.0f ? 4.0f : t;  // erf(4) rounds to 1
  const float l = 1.12865984f + t * (0.635038853f +
                                     t * (0.106521174f + t * (-0.0240788721f + t * (0.00381960836f + t * (-0.000371483911f + t * 1.64596167e-05f)))));
  return t < 1.0f ? near_zero : with_sign_of(1.0f - exp(-t * l), x);
}
RAPTR_BOTH inline float sqrt(float x) {
  const bool tiny = x < 1e-30f;
  const float v = tiny ? x * 18446744073709551616.0f : x;  // 2^64
  float y = from_bits(0x5f375a86u - (bits(v) >> 1));       // 1 / sqrt(v) to 4 percent
  const float h = 0.5f * v;
  y = y * (1.5f - rounded(h * y) * y);
  y = y * (1.5f - rounded(h * y) * y);
  y = y * (1.5f - rounded(h * y) * y);
  const float s = rounded(v * y), better = s + 0.5f * y * (v - s * s), root = tiny ? better * 2.3283064365386963e-10f : better;
  const bool itself = x == 0.0f || x > 3.4028234e38f;  // zeros of both signs, infinity
  return itself ? x : (x < 0.0f ? from_bits(0x7fc00000u) : root);
}

}  // namespace detail

/// Arrays of numbers, where a backend has them: the functions of this page for an array, or an expression of arrays, of type A. They have
/// the limits and the special values of those for numbers; their rounding may differ.
template <class A> struct array_functions;
/// A is an array: of numbers, not one number.
template <class A>
concept array = requires {
  typename array_functions<std::remove_cvref_t<A>>::scalar;
};

template <class T> RAPTR_BOTH auto exp(const T& x) {
  if constexpr (array<T>)
    return array_functions<T>::exp(x);
  else if constexpr (std::is_same_v<T, float>)
    return detail::exp(x);
  else
    return std::exp(x);
}
template <class T> RAPTR_BOTH auto tanh(const T& x) {
  if constexpr (array<T>)
    return array_functions<T>::tanh(x);
  else if constexpr (std::is_same_v<T, float>)
    return detail::tanh(x);
  else
    return std::tanh(x);
}
/// The error function.
template <class T> RAPTR_BOTH auto erf(const T& x) {
  if constexpr (array<T>)
    return array_functions<T>::erf(x);
  else if constexpr (std::is_same_v<T, float>)
    return detail::erf(x);
  else
    return std::erf(x);
}
template <class T> RAPTR_BOTH auto sqrt(const T& x) {
  if constexpr (array<T>)
    return array_functions<T>::sqrt(x);
  else if constexpr (std::is_same_v<T, float>)
    return detail::sqrt(x);
  else
    return std::sqrt(x);
}

namespace detail {
template <class S, class V> struct converted { using type = S; };
template <class S, array V> struct converted<S, V> { using type = typename array_functions<V>::template of<S>; };
}  // namespace detail
/// S, or the array of S that is as long as V.
template <class S, class V> using as_type = typename detail::converted<S, std::remove_cvref_t<V>>::type;
/// x, a number or an array, in numbers of type S.
template <class S, class V> RAPTR_BOTH decltype(auto) as(const V& x) {
  if constexpr (array<V>)
    return array_functions<V>::template as<S>(x);
  else
    return S(x);
}
/// x where it is at least `least` in size, else 0. NaN stays.
template <class V, class S> RAPTR_BOTH auto flush_below(const V& x, S least) {
  if constexpr (array<V>) {
    return array_functions<V>::flush_below(x, typename array_functions<V>::scalar(least));
  } else {
    const V size = x < V(0) ? -x : x;
    return size < V(least) ? V(0) : x;
  }
}

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::math
