// SPDX-License-Identifier: Apache-2.0
// SIMD vectors of the instruction set compiled for, by the vector extension of g++ and clang, and the sizes that follow from
// their width.
#pragma once

#include <type_traits>

#include <raptr/base/config.hpp>

namespace raptr::cpu_backend {
inline namespace RAPTR_INSTRUCTIONS {

#if defined(__AVX512F__)
constexpr int simd_bytes = 64, tile_rows = 8;
#elif defined(__AVX__)
constexpr int simd_bytes = 32, tile_rows = 6;
#else
constexpr int simd_bytes = 16, tile_rows = 6;
#endif
template <class T> struct simd;
template <> struct simd<float> {
  typedef float vector __attribute__((vector_size(simd_bytes)));
  typedef float unaligned __attribute__((vector_size(simd_bytes), aligned(alignof(float)), may_alias));
};
template <> struct simd<double> {
  typedef double vector __attribute__((vector_size(simd_bytes)));
  typedef double unaligned __attribute__((vector_size(simd_bytes), aligned(alignof(double)), may_alias));
};
template <class T> constexpr bool has_simd = std::is_same_v<T, float> || std::is_same_v<T, double>;
template <class T> constexpr int simd_width = simd_bytes / int(sizeof(T));
template <class T> constexpr int panel_width = 2 * simd_width<T>;

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::cpu_backend
