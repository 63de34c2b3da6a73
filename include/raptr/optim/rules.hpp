// SPDX-License-Identifier: Apache-2.0
// Optimizers as elementwise functors. What is common to all (which ranges, clipping, skipping, step counts, dropped
// parts) is written once, in optimizer.hpp.
#pragma once

#include <cmath>
#include <concepts>

#include <raptr/backend/ops.hpp>
#include <raptr/base/math.hpp>

namespace raptr {

/// What an update needs to know of its unit. decay: the rule's weight decay, or 0 where nothing decays (norms, biases).
template <class S> struct unit_scalars {
  S rate, decay;
  int count;  // steps of this unit, this one included
  S correct1, correct2;
};

/// Values this small have no effect, but slow the processor down: moments of a part that is not drawn for long end here.
template <class S> RAPTR_BOTH inline S flush(S x) {
  const S size = x < S(0) ? -x : x;
  return size < S(1e-30) ? S(0) : x;
}

/// Adam with decoupled weight decay: w -= lr (m' / (sqrt(v') + eps) + weight_decay w).
struct adamw {
  static constexpr int moments = 2;
  static constexpr double flops = 16;  // of one element, the norm included
  static constexpr const char* moment_names[] = {"exp_avg", "exp_avg_sq"};
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.95, eps = 1e-8, weight_decay = 0.1;

  template <class S> RAPTR_BOTH void prepare(unit_scalars<S>& u) const {
    u.correct1 = S(1 / (1 - std::pow(beta1, double(u.count))));
    u.correct2 = S(1 / (1 - std::pow(beta2, double(u.count))));
  }
  template <class S> RAPTR_BOTH void update(const unit_scalars<S>& u, S& w, S g, S& m, S& v) const {
    m = flush(m + S(1 - beta1) * (g - m));
    v = flush(v + S(1 - beta2) * (g * g - v));
    w -= u.rate * (m * u.correct1 / (math::sqrt(v * u.correct2) + S(eps)) + u.decay * w);  // std::sqrt sets errno: never vectorised
  }
};

/// Momentum: m = momentum m + g; w -= lr (m + weight_decay w).
struct sgd {
  static constexpr int moments = 1;
  static constexpr double flops = 8;
  static constexpr const char* moment_names[] = {"momentum_buffer"};
  double lr = 0.1, momentum = 0.9, weight_decay = 0;

  template <class S> RAPTR_BOTH void prepare(unit_scalars<S>&) const {}
  template <class S> RAPTR_BOTH void update(const unit_scalars<S>& u, S& w, S g, S& m) const {
    m = flush(S(momentum) * m + g);
    w -= u.rate * (m + u.decay * w);
  }
};

template <class R>
concept optimizer_rule = requires(const R& rule, unit_scalars<float>& u) {
  { rule.lr } -> std::convertible_to<double>;
  { rule.weight_decay } -> std::convertible_to<double>;
  { R::moments } -> std::convertible_to<int>;
  { R::flops } -> std::convertible_to<double>;
  rule.prepare(u);
};

}  // namespace raptr
