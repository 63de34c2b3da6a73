// SPDX-License-Identifier: Apache-2.0
// The team of a row kernel on raptr::eigen: array functions get 16 elements at a time as arrays of Eigen, all others run in the loops of
// raptr::cpu. Sums have a fixed order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include <raptr/backend/cpu/row_kernels.hpp>
#include <raptr/backend/eigen/arrays.hpp>

namespace raptr::eigen_backend {
inline namespace RAPTR_INSTRUCTIONS {

/// `count` elements, at most 16; behind them the last one again, so that a function sees nothing but elements of the row.
template <class T> lane_array<T> load(const T* from, int count) {
  if (count == lanes) return Eigen::Map<const lane_array<T>>(from);
  lane_array<T> values;
  for (int i = 0; i < lanes; ++i) values[i] = from[std::min(i, count - 1)];
  return values;
}
template <class T> void store(T* to, const lane_array<T>& values, int count) {
  if (count == lanes)
    Eigen::Map<lane_array<T>>{to} = values;
  else
    std::copy_n(values.data(), count, to);
}
template <class T> void store(const T*, const lane_array<T>&, int) {}

/// f(arrays...) of `count` elements that begin at a..., read before it and written after it.
template <class F, class... T> [[gnu::always_inline]] inline auto call_with_arrays(const F& f, int count, T*... a) {
  return [&](lane_array<T>... values) {
    if constexpr (std::is_void_v<decltype(f(values...))>) {
      f(values...);
      (store(a, values, count), ...);
    } else {
      const auto result = f(values...).eval();
      (store(a, values, count), ...);
      return result;
    }
  }(load(a, count)...);
}
/// piece(first, count) for the pieces of n elements: whole arrays, whose count is a constant to the compiler, then the rest.
template <class Piece> [[gnu::always_inline]] inline void for_arrays(std::int64_t n, const Piece& piece) {
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) piece(i, lanes);
  if (i < n) piece(i, int(n - i));
}

template <class K> class row_team : public cpu_backend::row_team<K> {
  using loops = cpu_backend::row_team<K>;

 public:
  static constexpr bool has_arrays = true;
  using loops::loops;

  template <class F, class... T> void each(int n, const F& f, T*... arrays) const {
    if constexpr (runs_on_arrays<F>)
      for_arrays(n, [&](std::int64_t i, int count) {
        count_ = count;
        call_with_arrays([&](auto&... values) { f(int(i), values...); }, count, arrays + i...);
      });
    else
      loops::each(n, f, arrays...);
  }
  template <class F> void each(int runs, int length, const F& f) const { loops::each(runs, length, f); }

  template <class F, class... T> auto sum(int n, const F& f, T*... arrays) const {
    if constexpr (runs_on_arrays<F>) {
      using result = decltype(values_of(f, 0, 0, arrays...));
      constexpr int block = 512;  // bounds the error of a long sum
      typename result::Scalar total(0);
      for (int first = 0; first < n; first += block) {
        result sums = result::Zero();
        for_arrays(std::min(block, n - first), [&](std::int64_t i, int count) {
          const result values = values_of(f, first + int(i), count, arrays...);
          if (count == lanes)
            sums += values;
          else
            for (int k = 0; k < count; ++k) sums[k] += values[k];
        });
        total += sums.sum();
      }
      return total;
    } else {
      return loops::sum(n, f, arrays...);
    }
  }
  template <class F, class... T> auto max(int n, const F& f, T*... arrays) const {
    if constexpr (runs_on_arrays<F>) {
      auto most = values_of(f, 0, std::min(lanes, n), arrays...);
      for_arrays(n, [&](std::int64_t i, int count) { most = most.max(values_of(f, int(i), count, arrays...)).eval(); });
      return most.maxCoeff();
    } else {
      return loops::max(n, f, arrays...);
    }
  }
  template <class V> void add(int k, int i, const V& v) const {
    if constexpr (math::array<V>) {
      auto* const to = this->partial(k, i);
      using sum = std::remove_pointer_t<decltype(this->partial(k, i))>;
      store(to, lane_array<sum>(load(to, count_) + math::as<sum>(v)), count_);
    } else {
      loops::add(k, i, v);
    }
  }

 private:
  template <class F, class... T> [[gnu::always_inline]] static auto values_of(const F& f, int i, int count, T*... arrays) {
    return call_with_arrays([&](auto&... values) { return f(i, values...); }, count, arrays + i...);
  }
  mutable int count_ = lanes;  // elements of the arrays that each() is calling with
};

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::eigen_backend
