// SPDX-License-Identifier: Apache-2.0
// The norm of the gradient, and what follows from it: the factor that clips it, and whether a step is skipped because
// something in it is not finite. All of it stays on the device: the host learns of a skipped step later.
#pragma once

#include <cmath>

#include <raptr/backend/ops.hpp>
#include <raptr/nn/step_results.hpp>

namespace raptr {

/// A larger learning rate takes a weight out of float in a few steps.
inline bool usable_rate(double rate) { return rate >= 0 && rate < 1e15; }  // NaN is not

/// 0, or NaN where something that a step reads is not finite.
struct finite_state : no_state {
  template <class... State> RAPTR_BOTH double operator()(const per_unit&, const State&... read) const {
    return double((0.0f + ... + (State(0) * read)));
  }
};
/// The square of a gradient beside what a step reads with it.
struct square_with_state : no_state {
  template <class G, class... State> RAPTR_BOTH double operator()(const per_unit& unit, const G& gradient, const State&... read) const {
    return double(gradient) * double(gradient) + finite_state{}(unit, read...);
  }
};

/// results.squared_norm() = the sum of the squared norms of all tensors, in their order. One row.
struct total_norm {
  static constexpr int sums = 0;
  step_results results;
  int tensors;
  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t) const {
    const step_results r = results;
    const int n = tensors;
    team.each(1, [=](int) {
      double sum = 0;
      for (int k = 0; k < n; ++k) sum += r.tensor_squared_norms()[k];
      r.squared_norm() = sum;
    });
  }
};

/// The factor that brings a gradient to a norm of at most `largest`; 0: no clipping.
RAPTR_BOTH inline double clip_factor(const step_results& results, double largest) {
  const double norm = std::sqrt(results.squared_norm());
  return largest > 0 && norm > largest ? largest / norm : 1;
}

}  // namespace raptr
