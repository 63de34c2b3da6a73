// SPDX-License-Identifier: Apache-2.0
// AdamW [adamw], and BERT's Adam, which is AdamW without bias correction [bert].
#pragma once

#include <cmath>
#include <string>

#include <raptr/base/decimal.hpp>
#include <raptr/base/math.hpp>
#include <raptr/optim/update_rule.hpp>

namespace raptr {

/// Adam with decoupled weight decay: w -= lr (m' / (sqrt(v') + eps) + weight_decay w).
struct adamw {
  static constexpr int moments = 2;
  static constexpr bool on_arrays = true;
  static constexpr double flops = 16;  // per element, including the norm
  static constexpr const char* moment_names[] = {"exp_avg", "exp_avg_sq"};
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.95, eps = 1e-8, weight_decay = 0.1;
  bool bias_correction = true;  // of the moments, by the step count of the unit

  template <class S> RAPTR_BOTH void prepare(unit_scalars<S>& u) const {
    if (!bias_correction) return;
    u.correct1 = S(1 / (1 - std::pow(beta1, double(u.count))));
    u.correct2 = S(1 / (1 - std::pow(beta2, double(u.count))));
  }
  template <class S, class V> RAPTR_BOTH void update(const unit_scalars<S>& u, V& w, const V& g, V& m, V& v) const {
    m = flush(m + S(1 - beta1) * (g - m));
    v = flush(v + S(1 - beta2) * (g * g - v));
    w -= u.rate * (m * u.correct1 / (math::sqrt(v * u.correct2) + S(eps)) + u.decay * w);  // std::sqrt sets errno, which prevents vectorisation
  }
  std::string settings() const {
    return "adamw, beta1 " + decimal_text(beta1) + ", beta2 " + decimal_text(beta2) + ", eps " + decimal_text(eps) +
           (bias_correction ? "" : ", no bias correction");
  }
};

/// The optimizer of BERT [bert]: w -= lr (m' / (sqrt(v') + eps) + weight_decay w). Without bias correction the first steps of a unit
/// are longer than lr (3.2 times in step 1, at most 6.5 times around step 10), also of a block that is first drawn late in a run.
constexpr adamw bert_adam(double lr = 1e-4) {
  return {.lr = lr, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-6, .weight_decay = 0.01, .bias_correction = false};
}

}  // namespace raptr
