// SPDX-License-Identifier: Apache-2.0
// Reads tensors of any floating-point type of safetensors as float or double, a chunk at a time: half precision widens
// exactly, F64 is rounded to float.
#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <span>
#include <vector>

#include <raptr/base/bfloat16.hpp>
#include <raptr/io/safetensors.hpp>

namespace raptr {

/// Converts the 16 bits of an IEEE half (1 sign, 5 exponent, 10 fraction), always exactly.
constexpr float float_of_half(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16, exponent = bits >> 10 & 31u, fraction = bits & 1023u;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent > 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float subnormal = static_cast<float>(fraction) * 0x1p-24f;
  return sign ? -subnormal : subnormal;
}

inline bool is_floating(const tensor_entry& entry) {
  return entry.dtype == "F32" || entry.dtype == "F64" || entry.dtype == "F16" || entry.dtype == "BF16";
}

namespace detail {

template <class From, class T, class Convert>
void read_converted(const safetensors_reader& file, const tensor_entry& entry, std::span<T> out, Convert convert) {
  constexpr std::size_t most = std::size_t{1} << 18;
  std::vector<From> piece((std::min)(most, out.size()));
  for (std::size_t done = 0; done < out.size();) {
    const auto now = std::span(piece).first((std::min)(most, out.size() - done));
    file.read_bytes(entry, done * sizeof(From), std::as_writable_bytes(now));
    std::ranges::transform(now, out.begin() + static_cast<std::ptrdiff_t>(done), convert);
    done += now.size();
  }
}

}  // namespace detail

/// Fills `out` with one of file.tensors(), which must be floating-point. Throws file_error for another type or size.
template <std::floating_point T> void read_numbers(const safetensors_reader& file, const tensor_entry& entry, std::span<T> out) {
  const auto bytes = detail::bytes_of_shape(entry.shape, 1);
  if (bytes != out.size()) errors::wrong_tensor(file.path(), entry.name, std::to_string(out.size()) + " elements", detail::shape_text(entry.shape));
  if (entry.dtype == dtype_of<T>)
    file.read_bytes(entry, 0, std::as_writable_bytes(out));
  else if (entry.dtype == "F32")
    detail::read_converted<float>(file, entry, out, [](float x) { return static_cast<T>(x); });
  else if (entry.dtype == "F64")
    detail::read_converted<double>(file, entry, out, [](double x) { return static_cast<T>(x); });
  else if (entry.dtype == "F16")
    detail::read_converted<std::uint16_t>(file, entry, out, [](std::uint16_t x) { return static_cast<T>(float_of_half(x)); });
  else if (entry.dtype == "BF16")
    detail::read_converted<bfloat16>(file, entry, out, [](bfloat16 x) { return static_cast<T>(float(x)); });
  else
    errors::wrong_tensor(file.path(), entry.name, "F32, F64, F16 or BF16", entry.dtype);
}

}  // namespace raptr
