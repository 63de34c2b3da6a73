// SPDX-License-Identifier: Apache-2.0
// Activations are functor types over one neuron, so a user-defined one runs on every backend, fused as the epilogue of the
// product before it. `inputs` is the number of projections that a neuron reads: one, or two if it is gated.
#pragma once

#include <concepts>
#include <cstdint>

#include <raptr/backend/row_kernel.hpp>
#include <raptr/base/bfloat16.hpp>
#include <raptr/base/config.hpp>
#include <raptr/base/math.hpp>

namespace raptr {

/// GELU in the tanh form [gpt2].
struct gelu_tanh {
  static constexpr int inputs = 1;
  static constexpr bool on_arrays = true;
  template <class T> RAPTR_BOTH static T tanh_of(T a) { return math::tanh(T(0.7978845608028654) * (a + T(0.044715) * a * a * a)); }
  template <class T> RAPTR_BOTH static T forward(const T* a) { return T(0.5) * *a * (1 + tanh_of(*a)); }
  template <class T> RAPTR_BOTH static void backward(const T* a, T dh, T* da) {
    const T t = tanh_of(*a), slope = T(0.7978845608028654) * (1 + T(3 * 0.044715) * *a * *a);
    *da = dh * (T(0.5) * (1 + t) + T(0.5) * *a * (1 - t * t) * slope);
  }
};
/// GELU in the exact form, x times the normal distribution function [bert].
struct gelu_erf {
  static constexpr int inputs = 1;
  static constexpr bool on_arrays = true;
  template <class T> RAPTR_BOTH static T below(T a) { return T(0.5) * (1 + math::erf(a * T(0.70710678118654752))); }
  template <class T> RAPTR_BOTH static T forward(const T* a) { return *a * below(*a); }
  template <class T> RAPTR_BOTH static void backward(const T* a, T dh, T* da) {
    *da = dh * (below(*a) + *a * T(0.39894228040143268) * math::exp(T(-0.5) * *a * *a));
  }
};
/// The square of relu [primer].
struct squared_relu {
  static constexpr int inputs = 1;
  template <class T> RAPTR_BOTH static T positive(T a) { return a < T(0) ? T(0) : a; }  // NaN stays
  template <class T> RAPTR_BOTH static T forward(const T* a) { return positive(*a) * positive(*a); }
  template <class T> RAPTR_BOTH static void backward(const T* a, T dh, T* da) { *da = dh * 2 * positive(*a); }
};
/// Another activation as a gate: A(a[0]) a[1] [glu].
template <class A> struct gate {
  static_assert(A::inputs == 1, "raptr: a gate is made from an activation of one input, such as raptr::gelu_tanh");
  static constexpr int inputs = 2;
  static constexpr bool on_arrays = runs_on_arrays<A>;
  template <class T> RAPTR_BOTH static T forward(const T* a) { return A::forward(a) * a[1]; }
  template <class T> RAPTR_BOTH static void backward(const T* a, T dh, T* da) {
    A::backward(a, T(dh * a[1]), da);
    da[1] = dh * A::forward(a);
  }
};
/// silu(gate) times up: a[0] gates a[1].
struct swish_gate {
  static constexpr int inputs = 2;
  static constexpr bool on_arrays = true;
  template <class T> RAPTR_BOTH static T forward(const T* a) { return a[0] / (1 + math::exp(-a[0])) * a[1]; }
  template <class T> RAPTR_BOTH static void backward(const T* a, T dh, T* da) {
    const T s = 1 / (1 + math::exp(-a[0]));
    da[0] = dh * a[1] * s * (1 + a[0] * (1 - s));
    da[1] = dh * a[0] * s;
  }
};

/// forward: the value of a neuron from its inputs. backward: the gradients of the inputs from that of the value.
template <class A>
concept activation = requires(const float* a, float* da) {
  requires std::bool_constant<(A::inputs >= 1)>::value;
  { A::forward(a) } -> std::same_as<float>;
  { A::backward(a, 0.0f, da) } -> std::same_as<void>;
};

/// h (rows, units, group) = A(pre (rows, units, inputs, group)). With one input a row is processed as one array.
template <class A, class T> struct activate {
  static constexpr int sums = 0;
  const T* pre;
  T* h;
  int units, group;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    const int width = units * group, length = group;
    const T* const from = pre + r * width * A::inputs;
    T* const to = h + r * width;
    if constexpr (A::inputs == 1) {
      const auto one = array_function_like<A>([]<class V>(int, V& value, const V& in) {
        const math::as_type<wide<T>, V> a = math::as<wide<T>>(in);
        value = math::as<T>(A::forward(&a));
      });
      team.each(width, one, to, from);
    } else if constexpr (A::inputs == 2 && runs_on_arrays<A> && team_with_arrays<Team>) {
      const auto one = array_function{[]<class V>(int, V& value, const V& first, const V& second) {
        const math::as_type<wide<T>, V> a[]{math::as<wide<T>>(first), math::as<wide<T>>(second)};
        value = math::as<T>(A::forward(a));
      }};
      for (int unit = 0; unit < units; ++unit) {
        const T* const in = from + std::int64_t(unit) * 2 * length;
        team.each(length, one, to + std::int64_t(unit) * length, in, in + length);
      }
    } else {
      team.each(units, length, [=](int unit, int i) {
        const T* const in = from + std::int64_t(unit) * A::inputs * length + i;
        wide<T> a[A::inputs];
        for (int k = 0; k < A::inputs; ++k) a[k] = in[k * length];
        to[std::int64_t(unit) * length + i] = A::forward(a);
      });
    }
  }
};
/// dpre (rows, units, inputs, group) from dh (rows, units, group).
template <class A, class T> struct activate_backward {
  static constexpr int sums = 0;
  const T *pre, *dh;
  T* dpre;
  int units, group;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    const int width = units * group, length = group;
    const T *const from = pre + r * width * A::inputs, *const d = dh + r * width;
    T* const to = dpre + r * width * A::inputs;
    if constexpr (A::inputs == 1) {
      const auto one = array_function_like<A>([]<class V>(int, V& out, const V& in, const V& up) {
        using number = math::as_type<wide<T>, V>;
        const number a = math::as<wide<T>>(in), gradient = math::as<wide<T>>(up);
        number da;
        A::backward(&a, gradient, &da);
        out = math::as<T>(da);
      });
      team.each(width, one, to, from, d);
    } else if constexpr (A::inputs == 2 && runs_on_arrays<A> && team_with_arrays<Team>) {
      const auto one = array_function{[]<class V>(int, V& first, V& second, const V& in, const V& partner, const V& up) {
        using number = math::as_type<wide<T>, V>;
        const number a[]{math::as<wide<T>>(in), math::as<wide<T>>(partner)}, gradient = math::as<wide<T>>(up);
        number da[2];
        A::backward(a, gradient, da);
        first = math::as<T>(da[0]), second = math::as<T>(da[1]);
      }};
      for (int unit = 0; unit < units; ++unit) {
        const std::int64_t at = std::int64_t(unit) * 2 * length;
        team.each(length, one, to + at, to + at + length, from + at, from + at + length, d + std::int64_t(unit) * length);
      }
    } else {
      team.each(units, length, [=](int unit, int i) {
        const std::int64_t at = std::int64_t(unit) * A::inputs * length + i;
        wide<T> a[A::inputs], da[A::inputs];
        for (int k = 0; k < A::inputs; ++k) a[k] = from[at + k * length];
        A::backward(a, wide<T>(d[std::int64_t(unit) * length + i]), da);
        for (int k = 0; k < A::inputs; ++k) to[at + k * length] = da[k];
      });
    }
  }
};

}  // namespace raptr
