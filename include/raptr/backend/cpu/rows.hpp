// SPDX-License-Identifier: Apache-2.0
// Row programs on the CPU: the team is one thread whose loops the compiler turns into SIMD. Sums run in a fixed number
// of lanes, because the order of additions has to be in the source: without it no compiler may vectorise a sum.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include <raptr/backend/cpu/context.hpp>

namespace raptr::cpu_backend {

constexpr int lanes = 32;

/// The sum of f(0) ... f(n - 1), always in the same order; in the type of f(i).
template <class F> auto lane_sum(std::int64_t n, const F& f) {
  using value = std::remove_cvref_t<decltype(f(0))>;
  value lane[lanes] = {};
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int j = 0; j < lanes; ++j) lane[j] += f(int(i) + j);
  for (int j = 0; i + j < n; ++j) lane[j] += f(int(i) + j);
  for (int step = lanes / 2; step > 0; step /= 2)
    for (int j = 0; j < step; ++j) lane[j] += lane[j + step];
  return lane[0];
}
/// The largest of f(0) ... f(n - 1), n > 0.
template <class F> auto lane_max(int n, const F& f) {
  using value = std::remove_cvref_t<decltype(f(0))>;
  value lane[lanes];
  const value first = f(0);
  for (int j = 0; j < lanes; ++j) lane[j] = first;
  int i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int j = 0; j < lanes; ++j) {
      const value v = f(i + j);
      lane[j] = v > lane[j] ? v : lane[j];
    }
  for (int j = 0; i + j < n; ++j) {
    const value v = f(i + j);
    lane[j] = v > lane[j] ? v : lane[j];
  }
  for (int step = lanes / 2; step > 0; step /= 2)
    for (int j = 0; j < step; ++j) lane[j] = lane[j + step] > lane[j] ? lane[j + step] : lane[j];
  return lane[0];
}

template <class P> struct sum_of {
  using type = std::remove_pointer_t<decltype(std::declval<const P&>().sum(0, 0))>;
};
template <class P>
  requires(P::sums == 0)
struct sum_of<P> {
  using type = char;
};

template <class P> struct team {
  typename sum_of<P>::type* partial;  // sums x width of the rows at hand
  int width;

  template <class F> void each(int n, F f) const {
    RAPTR_INDEPENDENT
    for (int i = 0; i < n; ++i) f(i);
  }
  template <class F> auto sum(int n, F f) const { return lane_sum(n, f); }
  template <class F> auto max(int n, F f) const { return lane_max(n, f); }
  template <class V> void add(int k, int i, V v) const { partial[std::int64_t(k) * width + i] += typename sum_of<P>::type(v); }
};

/// Runs a program on pieces of the rows and adds up its column sums, piece after piece.
template <class P> class row_runner {
  using sum = typename sum_of<P>::type;

 public:
  row_runner(context& on, const P& program, std::int64_t count) : on_(on), program_(program), count_(count) {
    if constexpr (P::sums > 0) {
      size_ = std::int64_t(P::sums) * program.width;
      partial_ = on.partial.template get<sum>(std::size_t(count * size_));
    }
  }
  void run(std::int64_t piece, std::int64_t first, std::int64_t end) {
    team<P> one{nullptr, 0};
    if constexpr (P::sums > 0) one = {partial_ + piece * size_, program_.width}, std::fill_n(one.partial, size_, sum(0));
    for (std::int64_t r = first; r < end; ++r) program_.row(one, r);
  }
  void add_up() {
    if constexpr (P::sums > 0) {
      constexpr std::int64_t block = 512;
      on_.threads.parallel_for(count_ == 0 ? 0 : pieces(size_, block), [&](std::int64_t b, int) {
        const std::int64_t first = b * block, end = std::min(size_, first + block);
        for (std::int64_t c = 1; c < count_; ++c) {
          const sum* const more = partial_ + c * size_;
          RAPTR_INDEPENDENT
          for (std::int64_t i = first; i < end; ++i) partial_[i] += more[i];
        }
        for (std::int64_t i = first; i < end; ++i) *program_.sum(int(i / program_.width), int(i % program_.width)) += partial_[i];
      });
    }
  }

 private:
  context& on_;
  const P& program_;
  std::int64_t count_, size_ = 0;
  sum* partial_ = nullptr;
};

template <class P> void run_rows(context& on, const P& program, std::int64_t n) {
  const std::int64_t piece = P::sums > 0 ? std::max<std::int64_t>(32, pieces(n, 64)) : std::max<std::int64_t>(16, pieces(n, 128));
  row_runner<P> runner(on, program, pieces(n, piece));
  on.threads.parallel_for(pieces(n, piece), [&](std::int64_t i, int) { runner.run(i, i * piece, std::min(n, (i + 1) * piece)); });
  runner.add_up();
}

}  // namespace raptr::cpu_backend
