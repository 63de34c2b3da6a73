// SPDX-License-Identifier: Apache-2.0
// Row kernels on the CPU: the team is one thread whose loops the compiler vectorises. Sums use a fixed number of lanes: a
// compiler may vectorise a sum only if the source fixes the order of its additions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <raptr/backend/cpu/context.hpp>
#include <raptr/backend/cpu/simd.hpp>

namespace raptr::cpu_backend {
inline namespace RAPTR_INSTRUCTIONS {

/// Reduces n values, a multiple of panel_width, with `join`, always in the same order.
template <class T, class Join> T fold(const T* values, int n, const Join& join) {
  using vector = typename simd<T>::vector;
  using unaligned = typename simd<T>::unaligned;
  constexpr int width = simd_width<T>;
  vector a = *reinterpret_cast<const unaligned*>(values), b = *reinterpret_cast<const unaligned*>(values + width);
  for (int i = 2 * width; i < n; i += 2 * width) {
    const vector c = *reinterpret_cast<const unaligned*>(values + i), d = *reinterpret_cast<const unaligned*>(values + i + width);
    a = join(a, c), b = join(b, d);
  }
  T lane[std::size_t(width)];
  *reinterpret_cast<unaligned*>(lane) = join(a, b);
  for (int step = width / 2; step > 0; step /= 2)
    for (int i = 0; i < step; ++i) lane[i] = join(lane[i], lane[i + step]);
  return lane[0];
}
/// Reduces f(0) ... f(n - 1) in an order that depends on n alone: first all values of a block, a loop that vectorises for any f,
/// then the reduction. `rest` pads the last vector.
template <class T, class F, class Join> T lane_fold(int n, const F& f, T rest, const Join& join) {
  constexpr int block = 512;
  alignas(simd_bytes) T values[std::size_t(block)];
  T folded = rest;
  for (int first = 0; first < n; first += block) {
    const int count = std::min(block, n - first), full = int(round_up(count, panel_width<T>));
    for (int i = 0; i < count; ++i) values[i] = f(first + i);
    for (int i = count; i < full; ++i) values[i] = rest;
    folded = join(folded, fold(values, full, join));
  }
  return folded;
}
struct add_up {
  template <class V> V operator()(const V& a, const V& b) const { return a + b; }
};
struct larger {
  template <class V> V operator()(const V& a, const V& b) const { return b > a ? b : a; }
};

/// The sum of f(0) ... f(n - 1), always in the same order; in the type of f(i).
template <class F> auto lane_sum(int n, const F& f) {
  using value = std::remove_cvref_t<decltype(f(0))>;
  if constexpr (has_simd<value>) {
    return lane_fold(n, f, value(0), add_up{});
  } else {
    value sum = value(0);
    for (int i = 0; i < n; ++i) sum += f(i);
    return sum;
  }
}
/// The largest of f(0) ... f(n - 1), n > 0.
template <class F> auto lane_max(int n, const F& f) {
  using value = std::remove_cvref_t<decltype(f(0))>;
  if constexpr (has_simd<value>) {
    return lane_fold(n, f, value(f(0)), larger{});
  } else {
    value most = f(0);
    for (int i = 1; i < n; ++i) most = f(i) > most ? f(i) : most;
    return most;
  }
}

template <class K> class row_team {
 public:
  using sum_type = typename sum_of<K>::type;
  /// partial: sums x width, of the rows of one block.
  row_team(sum_type* partial, int width) : partial_(partial), width_(width) {}

  template <class F, class... T> void each(int n, F f, T*... arrays) const {
    RAPTR_INDEPENDENT
    for (int i = 0; i < n; ++i) f(i, arrays[i]...);
  }
  // The usual run of 16 is a constant to the compiler: a loop this short is fast only if its length is known.
  template <class F> void each(int runs, int length, F f) const {
    for (int run = 0; run < runs; ++run) {
      if (length == 16)
        each(16, [=](int i) { f(run, i); });
      else
        each(length, [=](int i) { f(run, i); });
    }
  }
  template <class F, class... T> auto sum(int n, F f, T*... arrays) const {
    return lane_sum(n, [=](int i) { return f(i, arrays[i]...); });
  }
  template <class F, class... T> auto max(int n, F f, T*... arrays) const {
    return lane_max(n, [=](int i) { return f(i, arrays[i]...); });
  }
  // Host and device, because the lambdas of a kernel call it and nvcc compiles them for both.
  template <class V> RAPTR_BOTH void add(int k, int i, V v) const { *partial(k, i) += sum_type(v); }

 protected:
  RAPTR_BOTH sum_type* partial(int k, int i) const { return partial_ + std::int64_t(k) * width_ + i; }

 private:
  sum_type* partial_;
  int width_;
};
static_assert(team<row_team<no_epilogue>>);

/// Runs a kernel on blocks of rows and adds up its column sums in the order of the blocks.
template <class Kernels, class K> class row_runner {
  using sum = typename sum_of<K>::type;

 public:
  row_runner(context& ctx, const K& kernel, std::int64_t count) : ctx_(ctx), kernel_(kernel), count_(count) {
    if constexpr (K::sums > 0) {
      size_ = std::int64_t(K::sums) * kernel.width;
      partial_ = ctx.partial.template get<sum>(std::size_t(count * size_));
    }
  }
  void run(std::int64_t block, std::int64_t first, std::int64_t end) {
    sum* own = nullptr;
    int width = 0;
    if constexpr (K::sums > 0) own = partial_ + block * size_, width = kernel_.width, std::fill_n(own, size_, sum(0));
    const typename Kernels::template team<K> one(own, width);
    for (std::int64_t r = first; r < end; ++r) kernel_.row(one, r);
  }
  void add_up() {
    if constexpr (K::sums > 0) {
      constexpr std::int64_t block = 512;
      ctx_.threads.parallel_for(count_ == 0 ? 0 : ceil_div(size_, block), [&](std::int64_t b, int) {
        const std::int64_t first = b * block, end = std::min(size_, first + block);
        for (std::int64_t c = 1; c < count_; ++c) {
          const sum* const more = partial_ + c * size_;
          RAPTR_INDEPENDENT
          for (std::int64_t i = first; i < end; ++i) partial_[i] += more[i];
        }
        for (std::int64_t i = first; i < end; ++i) *kernel_.sum(int(i / kernel_.width), int(i % kernel_.width)) += partial_[i];
      });
    }
  }

 private:
  context& ctx_;
  const K& kernel_;
  std::int64_t count_, size_ = 0;
  sum* partial_ = nullptr;
};

template <class Kernels, class K> void run_rows(context& ctx, const K& kernel, std::int64_t n) {
  const std::int64_t block = K::sums > 0 ? std::max<std::int64_t>(32, ceil_div(n, 64)) : std::max<std::int64_t>(16, ceil_div(n, 128));
  row_runner<Kernels, K> runner(ctx, kernel, ceil_div(n, block));
  ctx.threads.parallel_for(ceil_div(n, block), [&](std::int64_t i, int) { runner.run(i, i * block, std::min(n, (i + 1) * block)); });
  runner.add_up();
}

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::cpu_backend
