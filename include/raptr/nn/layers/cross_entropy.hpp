// SPDX-License-Identifier: Apache-2.0
// Softmax cross-entropy on one row of logits, which are overwritten with their gradient: logits are the largest array of a small
// model, so they are stored once, and only for rows with a target.
#pragma once

#include <cmath>
#include <cstdint>

#include <raptr/backend/ops.hpp>
#include <raptr/base/math.hpp>

namespace raptr {

/// A row of logits as its loss needs it: the target's own, the largest, and the exponentials of differences from the largest, of the others
/// in one sum and of the target.
template <class S> struct softmax_of_row {
  S own, row_max, others, target;

  RAPTR_BOTH double log_sum() const { return std::log(double(others) + double(target)) + double(row_max); }
};
/// Logits l (n) become exp(l - max), and 0 at the target: its gradient, k (p - 1), is -k times the share of the others, which loses no digit
/// where p is near 1 and is rounded to T once.
RAPTR_ANY_TEAM template <class S, class Team, class T> RAPTR_BOTH softmax_of_row<S> exponentials(Team& team, T* l, int n, int id) {
  const T* const read = l;
  const S own = S(read[id]);  // before max(), whose barrier keeps others from writing to it too early
  const auto value = array_function{[](int, const auto& x) { return math::as<S>(x); }};
  const S row_max = team.max(n, value, read);
  team.each(1, [=](int) { l[id] = T(-HUGE_VALF); });
  const auto exponential = array_function{[=]<class V>(int, V& x) {
    const math::as_type<S, V> e = math::exp(math::as<S>(x) - row_max);
    x = math::as<T>(e);
    return e;
  }};
  const S others = team.sum(n, exponential, l);
  return {own, row_max, others, math::exp(own - row_max)};
}

/// row_loss[r] = scale weights[r] * -log softmax(logits[r])[ids[r]]; with_gradient: logits (rows, V) = its gradient.
template <class T, class S> struct cross_entropy {
  static constexpr int sums = 0;
  T* logits;
  const int* ids;
  const float* weights;
  double* row_loss;
  S scale;
  int vocab;
  bool with_gradient;

  int columns() const { return vocab; }
  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    T* const l = logits + r * vocab;
    const int id = ids[r];
    double* const loss = row_loss + r;
    const S k = scale * S(weights[r]);
    const softmax_of_row<S> p = exponentials<S>(team, l, vocab, id);
    team.each(1, [=](int) { *loss = double(k) * (p.log_sum() - double(p.own)); });
    if (!with_gradient) return;
    const S factor = k / (p.others + p.target);
    const auto gradient = array_function{[=](int, auto& x) { x = math::as<T>(factor * math::as<S>(x)); }};
    team.each(vocab, gradient, l);
    team.each(1, [=](int) { l[id] = T(-factor * p.others); });
  }
};

}  // namespace raptr
