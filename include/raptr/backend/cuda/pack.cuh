// SPDX-License-Identifier: Apache-2.0
// Consecutive numbers that are read or written in one access of up to 16 bytes. Elements that a kernel overwrites without
// reading are not loaded: the compiler drops the access.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <raptr/base/config.hpp>

namespace raptr::cuda_backend {

template <class T> constexpr int numbers_of_16_bytes = 16 / int(sizeof(T));

/// N numbers that are read or written together.
template <class T, int N> constexpr std::size_t pack_alignment = std::size_t(N) * sizeof(T) < 16 ? std::size_t(N) * sizeof(T) : 16;
template <class T, int N> struct alignas(pack_alignment<T, N>) pack { T at[std::size_t(N)]; };
template <int N, class T> __device__ pack<T, N> read(const T* from) { return *reinterpret_cast<const pack<T, N>*>(from); }
template <int N, class T> __device__ void write(T* to, const pack<T, N>& x) { *reinterpret_cast<pack<T, N>*>(to) = x; }
/// The same, to global memory. Surprise: nvcc 13.0 takes an ordinary store of numbers that were just rounded to two bytes apart, into a store
/// for each; an instruction that is asked for by name stays whole.
template <int N, class T> __device__ void store(T* to, const pack<T, N>& x) {
#if defined(__CUDA_ARCH__)
  if constexpr (sizeof x == 16) return __stwb(reinterpret_cast<uint4*>(to), __builtin_bit_cast(uint4, x));
  if constexpr (sizeof x == 8) return __stwb(reinterpret_cast<uint2*>(to), __builtin_bit_cast(uint2, x));
#endif
  write(to, x);
}
template <int N, class T> __device__ bool begins_pack(const T* p) { return reinterpret_cast<std::uintptr_t>(p) % pack_alignment<T, N> == 0; }

/// N elements of an array in registers; store() writes them back unless T is const.
template <class T, int N> struct group {
  using value = std::remove_const_t<T>;
  T* from;
  pack<value, N> in;

  __device__ explicit group(T* p) : from(p), in(read<N, value>(p)) {}
  __device__ void store() const {
    if constexpr (!std::is_const_v<T>) cuda_backend::store(from, in);
  }
};

}  // namespace raptr::cuda_backend
