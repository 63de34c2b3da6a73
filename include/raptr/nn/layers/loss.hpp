// SPDX-License-Identifier: Apache-2.0
// The loss of a target: a policy of a block, whose kernel makes the loss and its gradient from one row of logits while they are in cache. An
// evaluation needs no gradient; there the library's losses are plain cross-entropy, so that validation losses can be compared.
#pragma once

#include <concepts>
#include <ratio>

#include <raptr/nn/layers/cross_entropy.hpp>

namespace raptr {

struct loss_role {};

/// Cross-entropy of the softmax of the logits.
struct softmax_loss {
  using role = loss_role;
  template <class T, class S> using kernel = cross_entropy<T, S>;
};

/// With p = softmax(logits), z = log of the sum of their exponentials, e = Smoothing and V outputs:
///
///   row_loss[r] = scale weights[r] (-(1 - e) log p[ids[r]] - e/V sum log p + Weight z^2)
///
/// Without a gradient it is that of cross_entropy.
template <class Smoothing, class Weight, class T, class S> struct smoothed_cross_entropy {
  static_assert(Smoothing::num >= 0 && Smoothing::num < Smoothing::den, "raptr: label_smoothing is a share from 0 to below 1");
  static_assert(Weight::num >= 0, "raptr: the factor of z_loss is not negative");
  static constexpr int sums = 0;
  static constexpr double smoothing = double(Smoothing::num) / double(Smoothing::den), z_factor = double(Weight::num) / double(Weight::den);
  T* logits;
  const int* ids;
  const float* weights;
  double* row_loss;
  S scale;
  int outputs;
  bool with_gradient;

  int columns() const { return outputs; }
  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    if (!with_gradient) return cross_entropy<T, S>{logits, ids, weights, row_loss, scale, outputs, false}.row(team, r);
    T* const l = logits + r * outputs;
    const int id = ids[r];
    double* const loss = row_loss + r;
    const S e = S(smoothing), twice_z = S(2 * z_factor), k = scale * S(weights[r]);
    const auto value = array_function{[](int, const auto& x) { return math::as<S>(x); }};
    const S mean = team.sum(outputs, value, static_cast<const T*>(l)) / S(outputs);
    const softmax_of_row<S> p = exponentials<S>(team, l, outputs, id);
    const double z = p.log_sum();
    team.each(1, [=](int) { *loss = double(k) * (z - (1 - smoothing) * double(p.own) - smoothing * double(mean) + z_factor * z * z); });
    const S total = p.others + p.target, factor = k * (1 + twice_z * S(z)) / total, uniform = k * e / S(outputs);
    const auto gradient = array_function{[=](int, auto& x) { x = math::as<T>(factor * math::as<S>(x) - uniform); }};
    team.each(outputs, gradient, l);
    team.each(1, [=](int) { l[id] = T(k * (twice_z * S(z) * p.target - p.others) / total + k * e - uniform); });
  }
};

/// Label smoothing: the share e of each target is spread over all outputs, as label_smoothing of PyTorch's cross_entropy.
template <class Smoothing, class Weight = std::ratio<0>> struct label_smoothing {
  using role = loss_role;
  template <class T, class S> using kernel = smoothed_cross_entropy<Smoothing, Weight, T, S>;
};
/// Weight times the square of the log of the softmax's denominator is added, which keeps it near 1 [palm].
template <class Weight> using z_loss = label_smoothing<std::ratio<0>, Weight>;

/// A row kernel with the members of cross_entropy, in that order.
template <class K>
concept loss_kernel = row_kernel<K> && requires(float* logits, const int* ids, const float* weights, double* row_loss) {
  K{logits, ids, weights, row_loss, 1.0f, 1, true};
};
/// kernel<T, S>: row(team, r) writes row_loss[r], and with_gradient its gradient in place of the logits of row r.
template <class P>
concept loss_policy = requires {
  typename P::template kernel<float, float>;
}
&&loss_kernel<typename P::template kernel<float, float>>;

}  // namespace raptr
