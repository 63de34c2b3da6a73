// SPDX-License-Identifier: Apache-2.0
// bfloat16: the upper half of a float, as a storage type. Arithmetic is done in float: operands convert implicitly and results
// are rounded when stored, so that a functor written for float and double runs on it unchanged. Conversions are bit-identical
// on every host and device.
#pragma once

#include <cstdint>
#include <type_traits>

#include <raptr/base/config.hpp>

namespace raptr {

struct bfloat16 {
  std::uint16_t bits;

  bfloat16() = default;
  /// Rounds to nearest, ties to even. NaN stays NaN; values out of range become infinite.
  template <class Number>
  requires std::is_arithmetic_v<Number> RAPTR_BOTH bfloat16(Number x) : bits(rounded(float(x))) {}
  RAPTR_BOTH operator float() const { return __builtin_bit_cast(float, std::uint32_t(bits) << 16); }

  RAPTR_BOTH bfloat16& operator+=(float x) { return *this = bfloat16(float(*this) + x); }
  RAPTR_BOTH bfloat16& operator-=(float x) { return *this = bfloat16(float(*this) - x); }
  RAPTR_BOTH bfloat16& operator*=(float x) { return *this = bfloat16(float(*this) * x); }

 private:
  RAPTR_BOTH static std::uint16_t rounded(float x) {
    const std::uint32_t all = __builtin_bit_cast(std::uint32_t, x);
    if ((all & 0x7fffffffu) > 0x7f800000u) return std::uint16_t(all >> 16 | 0x40u);
    return std::uint16_t((all + 0x7fffu + (all >> 16 & 1u)) >> 16);
  }
};

namespace detail {
template <class T> struct wide_of { using type = T; };
template <> struct wide_of<bfloat16> { using type = float; };
}  // namespace detail
/// The type that T is computed in.
template <class T> using wide = typename detail::wide_of<T>::type;

}  // namespace raptr
