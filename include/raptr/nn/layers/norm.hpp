// SPDX-License-Identifier: Apache-2.0
// Norms are functor types over one row, so a user-defined norm runs on every backend. The normalised row and one statistic are
// kept for the backward pass; the two row kernels here apply gain and bias and sum their gradients. Epsilon is a number of the
// norm's type, which model_shape::norm_eps replaces.
#pragma once

#include <cmath>
#include <concepts>
#include <ratio>
#include <string>

#include <raptr/base/math.hpp>
#include <raptr/nn/part.hpp>
#include <raptr/nn/policies/bias.hpp>

namespace raptr {

struct norm_role {};

/// A value minus the mean of its row. The mean is in two parts, because one number of type S rounds away what matters where the values of
/// a row differ by little: sums around 10,000 leave an error of 5e-4 in the mean, and x - mean is exact there.
template <class S> struct centred {
  S mean, rest;
  template <class V> RAPTR_BOTH auto operator()(const V& v) const { return math::rounded(math::as<S>(v) - mean) - rest; }
};
RAPTR_ANY_TEAM template <class S, class Team, class T> RAPTR_BOTH centred<S> centre(Team& team, const T* x, int n) {
  const auto value = array_function{[](int, const auto& v) { return math::as<S>(v); }};
  const S mean = team.sum(n, value, x) / S(n);
  const auto deviation = array_function{[=](int, const auto& v) { return math::rounded(math::as<S>(v) - mean); }};
  return {mean, team.sum(n, deviation, x) / S(n)};
}

/// y = (x - mean) / sqrt(variance + eps) * gain + bias, if it has one. Eps in units of x^2, as a std::ratio.
template <class Eps, bias_policy Bias = biases> struct basic_layer_norm {
  using role = norm_role;
  template <class B> using with_bias = basic_layer_norm<Eps, B>;
  static constexpr bool bias = Bias::has_bias;
  static constexpr double eps = double(Eps::num) / double(Eps::den);

  RAPTR_ANY_TEAM template <class Team, class T, class S> RAPTR_BOTH static void forward(Team& team, const T* x, T* hat, S* scale, int n, S epsilon) {
    const centred<S> from = centre<S>(team, x, n);
    const auto deviation = array_function{[=](int, const auto& v) { return from(v) * from(v); }};
    const S r = 1 / std::sqrt(team.sum(n, deviation, x) / S(n) + epsilon);
    const auto normalise = array_function{[=](int, auto& h, const auto& v) { h = math::as<T>(from(v) * r); }};
    team.each(n, normalise, hat, x);
    team.each(1, [=](int) { *scale = r; });
  }
  RAPTR_ANY_TEAM template <class Team, class T, class S> RAPTR_BOTH static void backward(Team& team, const T* hat, const S* scale, T* d, int n) {
    const T* const given = d;
    const centred<S> from = centre<S>(team, given, n);
    const auto product = array_function{[=](int, const auto& v, const auto& h) { return from(v) * math::as<S>(h); }};
    const S dot = team.sum(n, product, given, hat) / S(n), r = *scale;
    const auto project = array_function{[=](int, auto& v, const auto& h) { v = math::as<T>(r * (from(v) - math::as<S>(h) * dot)); }};
    team.each(n, project, d, hat);
  }
};
using layer_norm = basic_layer_norm<std::ratio<1, 100'000>>;                 // [gpt2]
using bert_layer_norm = basic_layer_norm<std::ratio<1, 1'000'000'000'000>>;  // [bert]

/// y = x / sqrt(mean(x^2) + eps) * gain.
template <class Eps> struct basic_rms_norm {
  using role = norm_role;
  static constexpr bool bias = false;
  static constexpr double eps = double(Eps::num) / double(Eps::den);

  RAPTR_ANY_TEAM template <class Team, class T, class S> RAPTR_BOTH static void forward(Team& team, const T* x, T* hat, S* scale, int n, S epsilon) {
    const auto square = array_function{[](int, const auto& v) { return math::as<S>(v) * math::as<S>(v); }};
    const S r = 1 / std::sqrt(team.sum(n, square, x) / S(n) + epsilon);
    const auto normalise = array_function{[=](int, auto& h, const auto& v) { h = math::as<T>(math::as<S>(v) * r); }};
    team.each(n, normalise, hat, x);
    team.each(1, [=](int) { *scale = r; });
  }
  RAPTR_ANY_TEAM template <class Team, class T, class S> RAPTR_BOTH static void backward(Team& team, const T* hat, const S* scale, T* d, int n) {
    const auto product = array_function{[](int, const auto& v, const auto& h) { return math::as<S>(v) * math::as<S>(h); }};
    const S dot = team.sum(n, product, static_cast<const T*>(d), hat) / S(n), r = *scale;
    const auto project = array_function{[=](int, auto& v, const auto& h) { v = math::as<T>(r * (math::as<S>(v) - math::as<S>(h) * dot)); }};
    team.each(n, project, d, hat);
  }
};

using rms_norm = basic_rms_norm<std::ratio<1, 100'000>>;

/// A norm whose epsilon is an argument: it has `eps`, the default.
template <class N, class T = float, class S = float>
concept norm_with_epsilon = requires(a_team_has_each_sum_max_add& team, const T* x, T* y, S* scale, S epsilon) {
  { N::eps } -> std::convertible_to<double>;
  N::forward(team, x, y, scale, 1, epsilon);
};
/// forward: hat = the normalised row, *scale = a statistic for the backward pass; x may be hat. A last argument epsilon is
/// optional. backward: d, the gradient of hat, becomes that of x.
template <class N, class T = float, class S = float>
concept norm_policy = requires(a_team_has_each_sum_max_add& team, const T* x, T* y, S* scale) {
  typename std::bool_constant<N::bias>;
  N::backward(team, x, static_cast<const S*>(scale), y, 1);
}
&&(norm_with_epsilon<N, T, S> || requires(a_team_has_each_sum_max_add & team, const T* x, T* y, S* scale) { N::forward(team, x, y, scale, 1); });

template <class N> inline constexpr bool is_norm_without_bias = false;
template <norm_policy N> inline constexpr bool is_norm_without_bias<N> = !N::bias;

/// The epsilon of norm N in a model; 0 if the norm has none.
template <class N> constexpr double epsilon_of(const model_shape& shape) {
  if constexpr (norm_with_epsilon<N>)
    return shape.norm_eps > 0 ? shape.norm_eps : N::eps;
  else
    return 0;
}

/// N::forward, with the epsilon if it takes one.
RAPTR_ANY_TEAM template <class N, class Team, class T, class S>
RAPTR_BOTH void normalise(Team& team, const T* x, T* hat, S* scale, int n, S epsilon) {
  if constexpr (norm_with_epsilon<N, T, S>)
    N::forward(team, x, hat, scale, n, epsilon);
  else
    N::forward(team, x, hat, scale, n);
}

namespace detail {
template <class N, class T, class S> void call_norm(a_team_has_each_sum_max_add& team, const T* x, T* y, S* scale) {
  normalise<N>(team, x, y, scale, 1, S(epsilon_of<N>({})));
  N::backward(team, x, static_cast<const S*>(scale), y, 1);
}
template <auto Function> inline constexpr bool is_instantiated = true;
/// Instantiates the bodies of a norm with a team that has only what every team has. A template argument, because g++ 12 with
/// -fsanitize=undefined cannot compare the address of a function as a constant.
template <class N, class T, class S> inline constexpr bool norm_is_instantiated = is_instantiated<&call_norm<N, T, S>>;
}  // namespace detail

template <class N> std::vector<weight> norm_weights(const model_shape& shape, const std::string& name) {
  std::vector<weight> list{{name + ".weight", false, {{name + ".weight", shape.width}}, 1, initializer::ones, false}};
  if (N::bias) list.push_back({name + ".bias", false, {{name + ".bias", shape.width}}, 1, initializer::zeros, false});
  return list;
}

template <class N, class T, class S> struct norm_forward {
  static constexpr int sums = 0;
  const T* x;
  T* hat;
  S* scale;
  T* y;  // may be x
  const T *gain, *bias;
  int width;
  S epsilon = S(epsilon_of<N>({}));

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    T *const h = hat + r * width, *const to = y + r * width;
    normalise<N>(team, x + r * width, h, scale + r, width, epsilon);
    const T* const normal = h;
    if constexpr (N::bias) {
      const auto affine = array_function{[](int, auto& v, const auto& u, const auto& a, const auto& b) { v = u * a + b; }};
      team.each(width, affine, to, normal, gain, bias);
    } else {
      const auto linear = array_function{[](int, auto& v, const auto& u, const auto& a) { v = u * a; }};
      team.each(width, linear, to, normal, gain);
    }
  }
};
template <class N, class T, class S> struct norm_backward {
  static constexpr int sums = N::bias ? 2 : 1;
  const T* hat;
  const S* scale;
  const T* gain;
  T* d;     // the gradient of y, overwritten with that of x
  T* into;  // null, or += the gradient of x
  S *gain_gradient, *bias_gradient;
  int width;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    T* const row = d + r * width;
    const T *const h = hat + r * width, *const result = row;
    const auto through_gain = array_function{[&team](int i, auto& v, const auto& u, const auto& a) {
      team.add(0, i, v * u);
      if constexpr (N::bias) team.add(1, i, v);
      v *= a;
    }};
    team.each(width, through_gain, row, h, gain);
    N::backward(team, h, scale + r, row, width);
    const auto add = array_function{[](int, auto& sum, const auto& v) { sum += v; }};
    if (into) team.each(width, add, into + r * width, result);
  }
  RAPTR_BOTH S* sum(int k, int i) const { return (k ? bias_gradient : gain_gradient) + i; }
};

/// A norm with its weights: w[0] the gain, w[1] the bias if it has one.
template <class N, class Ops> struct norm_layer {
  using real = typename Ops::real;
  using master = typename Ops::master;
  static constexpr int weights = N::bias ? 2 : 1;
  struct saved {
    real* hat = nullptr;
    master* scale = nullptr;
  };

  static saved keep(arena& memory, std::int64_t rows, int width) { return {memory.keep<real>(rows * width), memory.keep<master>(rows)}; }
  static saved scratch(arena& memory, std::int64_t rows, int width) { return {memory.scratch<real>(rows * width), memory.scratch<master>(rows)}; }

  /// y (rows, C) = the norm of x (rows, C), which may be y.
  static void forward(Ops& ops, const model_shape& shape, params<const real> w, const saved& s, const real* x, real* y, std::int64_t rows) {
    ops.for_each_row(norm_forward<N, real, master>{x, s.hat, s.scale, y, w[0].data, data_if(N::bias, w, 1), w[0].rows, master(epsilon_of<N>(shape))},
                     rows);
  }
  static void backward(Ops& ops, params<const real> w, params<master> g, const saved& s, real* d, real* into, std::int64_t rows) {
    ops.for_each_row(norm_backward<N, real, master>{s.hat, s.scale, w[0].data, d, into, g[0].data, data_if(N::bias, g, 1), w[0].rows}, rows);
  }
};

}  // namespace raptr
