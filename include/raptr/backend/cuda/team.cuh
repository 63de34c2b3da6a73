// SPDX-License-Identifier: Apache-2.0
// The team of a row kernel on a GPU: a warp for short rows, a block for long ones. Neighbouring lanes take neighbouring elements,
// so accesses coalesce; a lane takes 16 bytes at a time where arrays are passed and aligned for it. The order of a sum depends on
// the number of lanes and on that alignment.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include <raptr/backend/cuda/pack.cuh>
#include <raptr/backend/cuda/shared_memory.cuh>
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
/// The same for a block of Lanes threads. `between` holds a value of each warp and may be reused on return.
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

/// How many elements of each of these arrays a lane takes at a time: 16 bytes of the widest.
template <class... T> constexpr int neighbours = 16 / int(std::max({sizeof(T)...}));

/// Bytes at the start of shared memory through which the warps of a block exchange values.
template <int Lanes> constexpr int exchange_bytes = Lanes > warp ? Lanes / warp * 16 : 0;

template <int Lanes, class Sum> class row_team {
 public:
  /// partial: sums x width of the current rows, in shared or in device memory.
  __device__ row_team(Sum* partial, int width) : partial_(partial), width_(width), lane_(int(threadIdx.x) % Lanes) {}

  template <class F, class... T> __device__ void each(int n, F f, T*... arrays) const {
    visit(n, f, arrays...);
    barrier();
  }
  template <class F> __device__ void each(int runs, int length, F f) const {
    each(runs * length, [=](int i) { f(i / length, i % length); });
  }
  template <class F, class... T> __device__ auto sum(int n, F f, T*... arrays) const {
    using value = wide<std::remove_cvref_t<decltype(f(0, arrays[0]...))>>;
    value own = value(0);
    const auto add = [&](int i, T&... a) { own += value(f(i, a...)); };
    visit(n, add, arrays...);
    return joined(own, add_up{});
  }
  template <class F, class... T> __device__ auto max(int n, F f, T*... arrays) const {
    using value = wide<std::remove_cvref_t<decltype(f(0, arrays[0]...))>>;
    value own = value(f(0, arrays[0]...));
    const auto raise = [&](int i, T&... a) { own = larger{}(own, value(f(i, a...))); };
    visit(n, raise, arrays...);
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
  /// f(i, arrays[i]...) for the elements of this lane.
  template <class F, class... T> __device__ void visit(int n, const F& f, T*... arrays) const {
    if constexpr (sizeof...(T) > 0) {
      constexpr int count = neighbours<T...>;
      if (n % count == 0 && (begins_pack<count>(arrays) && ...)) {
        for (int i = lane_ * count; i < n; i += Lanes * count) visit_group<count>(i, f, group<T, count>(arrays + i)...);
        return;
      }
    }
    for (int i = lane_; i < n; i += Lanes) f(i, arrays[i]...);
  }
  template <int Count, class F, class... G> __device__ static void visit_group(int first, const F& f, G... groups) {
    for (int j = 0; j < Count; ++j) f(first + j, groups.in.at[j]...);
    (groups.store(), ...);
  }
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
