// SPDX-License-Identifier: Apache-2.0
// The norm of the gradient, the factor that clips it, and whether a step is skipped because a value is not finite. All of this
// stays on the device, so that no step waits for the host: the host learns of a skipped step later.
#pragma once

#include <cmath>

#include <raptr/backend/ops.hpp>
#include <raptr/nn/step_results.hpp>

namespace raptr {

/// False for rates so large that weights overflow float within a few steps.
inline bool usable_rate(double rate) { return rate >= 0 && rate < 1e15; }  // false for NaN

/// 0, or NaN where a value that the step reads is not finite.
struct finite_state : no_state {
  template <class... State> RAPTR_BOTH double operator()(const per_unit&, const State&... read) const {
    return double((0.0f + ... + (State(0) * read)));
  }
};
/// The square of a gradient, or NaN where a value that the step reads with it is not finite.
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

/// Whether a gradient of this norm is scaled down to a norm of `largest`; 0: no clipping. The division is left to the caller: as
/// part of a function here it costs the update kernel a register too many on sm_100.
RAPTR_BOTH inline bool is_clipped(double norm, double largest) { return largest > 0 && norm > largest; }

}  // namespace raptr
