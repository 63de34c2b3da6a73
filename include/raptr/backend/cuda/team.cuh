// SPDX-License-Identifier: Apache-2.0
// The team of a row program on a GPU: a warp for short rows, a whole block for long ones. Element i belongs to lane
// i mod Lanes, so neighbours are read together; sums are added up in an order that depends on the number of lanes alone.
#pragma once

#include <cstdint>
#include <type_traits>

#include <raptr/backend/cuda/shared.cuh>
#include <raptr/base/bfloat16.hpp>

namespace raptr::cuda_backend {

inline constexpr int warp = 32;

struct add_up {
  template <class T> __device__ T operator()(const T& a, const T& b) const { return a + b; }
};
struct larger {
  template <class T> __device__ T operator()(const T& a, const T& b) const { return b > a ? b : a; }
};
/// Joins the values of all lanes of a warp; every lane gets the result.
template <class T, class Join> __device__ T join_warp(T value, const Join& join) {
  for (int away = warp / 2; away > 0; away /= 2) value = join(value, __shfl_xor_sync(0xffffffffu, value, away));
  return value;
}
/// The same for a block of Lanes threads. `between` has room for a value of each warp; it may be used again on return.
template <int Lanes, class T, class Join> __device__ T join_block(T value, T* between, const Join& join) {
  constexpr int warps = Lanes / warp;
  value = join_warp(value, join);
  if (threadIdx.x % warp == 0) between[threadIdx.x / warp] = value;
  __syncthreads();
  value = between[0];
  for (int w = 1; w < warps; ++w) value = join(value, between[w]);
  __syncthreads();
  return value;
}

/// Bytes at the start of shared memory through which the warps of a block exchange values.
template <int Lanes> constexpr int exchange_bytes = Lanes > warp ? Lanes / warp * 16 : 0;

template <int Lanes, class Sum> class team {
 public:
  /// partial: sums x width of the rows at hand, in shared or in device memory.
  __device__ team(Sum* partial, int width) : partial_(partial), width_(width), lane_(int(threadIdx.x) % Lanes) {}

  template <class F> __device__ void each(int n, F f) const {
    for (int i = lane_; i < n; i += Lanes) f(i);
    barrier();
  }
  template <class F> __device__ void each(int runs, int length, F f) const {
    each(runs * length, [=](int i) { f(i / length, i % length); });
  }
  template <class F> __device__ auto sum(int n, F f) const {
    using value = wide<std::remove_cvref_t<decltype(f(0))>>;
    value own = value(0);
    for (int i = lane_; i < n; i += Lanes) own += value(f(i));
    return joined(own, add_up{});
  }
  template <class F> __device__ auto max(int n, F f) const {
    using value = wide<std::remove_cvref_t<decltype(f(0))>>;
    value own = value(f(lane_ < n ? lane_ : 0));
    for (int i = lane_ + Lanes; i < n; i += Lanes) own = larger{}(own, value(f(i)));
    return joined(own, larger{});
  }
  template <class V> __device__ void add(int k, int i, V v) const { partial_[std::int64_t(k) * width_ + i] += Sum(v); }

  __device__ void barrier() const {
    if constexpr (Lanes == warp)
      __syncwarp();
    else
      __syncthreads();
  }
  __device__ int lane() const { return lane_; }

 private:
  template <class T, class Join> __device__ T joined(T own, const Join& join) const {
    if constexpr (Lanes == warp) {
      const T all = join_warp(own, join);
      __syncwarp();
      return all;
    } else {
      return join_block<Lanes>(own, reinterpret_cast<T*>(shared_memory), join);
    }
  }

  Sum* partial_;
  int width_, lane_;
};

}  // namespace raptr::cuda_backend
