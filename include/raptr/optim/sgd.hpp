// SPDX-License-Identifier: Apache-2.0
// Stochastic gradient descent with momentum.
#pragma once

#include <string>

#include <raptr/base/decimal.hpp>
#include <raptr/optim/update_rule.hpp>

namespace raptr {

/// Momentum: m = momentum m + g; w -= lr (m + weight_decay w).
struct sgd {
  static constexpr int moments = 1;
  static constexpr bool on_arrays = true;
  static constexpr double flops = 8;
  static constexpr const char* moment_names[] = {"momentum_buffer"};
  double lr = 0.1, momentum = 0.9, weight_decay = 0;

  template <class S> RAPTR_BOTH void prepare(unit_scalars<S>&) const {}
  template <class S, class V> RAPTR_BOTH void update(const unit_scalars<S>& u, V& w, const V& g, V& m) const {
    m = flush(S(momentum) * m + g);
    w -= u.rate * (m + u.decay * w);
  }
  std::string settings() const { return "sgd, momentum " + decimal_text(momentum); }
};

}  // namespace raptr
