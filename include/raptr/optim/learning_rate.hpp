// SPDX-License-Identifier: Apache-2.0
// Learning-rate rules: pure functions of the position in the run, so that a rule can follow the stages of any schedule and a
// resumed run needs no state. Each returns the fraction of the peak rate for the step now.step, counted from 0. It is above 0
// in every step of a run, for every warm-up and every length, except for the first step of bert_rate. A rule is called twice for a
// step, once for the weights of blocks (now.depth_share above 0) and once for all others, so a rule that wraps another one passes both
// on without knowing it.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <numbers>

#include <raptr/schedule/run_position.hpp>

namespace raptr {

template <class R>
concept rate_rule = requires(const R& rate, const run_position& now) {
  { rate(now) } -> std::convertible_to<double>;
};

namespace rates {
/// (step + 1) / warmup while warming up, else 1.
inline double warm(std::int64_t step, std::int64_t warmup) { return step < warmup ? double(step + 1) / double(warmup) : 1.0; }
/// Linear from 1 at step `first` to 0 at step `end`, the first step after the decay.
inline double line(std::int64_t step, std::int64_t first, std::int64_t end) {
  return step < first || end <= first ? 1.0 : double(end - step) / double(end - first);
}
}  // namespace rates

struct constant_rate {
  std::int64_t warmup = 0;
  double operator()(const run_position& now) const { return rates::warm(now.step, warmup); }
};
/// Linear warm-up in `warmup` steps, then linear decay to 0 at the end of the run [hf].
struct warmup_linear {
  std::int64_t warmup = 0;
  double operator()(const run_position& now) const { return rates::warm(now.step, warmup) * rates::line(now.step, warmup, now.total); }
};
/// The rule of BERT: t / warmup before step t = `warmup`, counted from 0, then 1 - t / total [bert]. So the first step has the rate 0,
/// and where the warm-up ends the rate falls to 1 - warmup / total at once.
struct bert_rate {
  std::int64_t warmup = 0;
  double operator()(const run_position& now) const {
    return now.step < warmup ? double(now.step) / double(warmup) : rates::line(now.step, 0, now.total);
  }
};
/// Linear warm-up in `warmup` steps, then half a cosine down to `least` at the end of the run.
struct warmup_cosine {
  std::int64_t warmup = 0;
  double least = 0.1;
  double operator()(const run_position& now) const {
    const double done = 1.0 - rates::line(now.step, warmup, now.total);
    return rates::warm(now.step, warmup) * (least + (1.0 - least) * 0.5 * (1.0 + std::cos(std::numbers::pi * done)));
  }
};
/// Linear warm-up, constant, and linear decay to 0 in the last `decay` share of the run [wsd].
struct warmup_stable_decay {
  std::int64_t warmup = 0;
  double decay = 0.2;
  double operator()(const run_position& now) const {
    const auto first = now.total - std::max<std::int64_t>(1, static_cast<std::int64_t>(decay * double(now.total)));
    return rates::warm(now.step, warmup) * rates::line(now.step, first, now.total);
  }
};
/// Linear warm-up, constant until the last stage, and linear decay to 0 over that stage.
struct decay_in_last_stage {
  std::int64_t warmup = 0;
  double operator()(const run_position& now) const {
    const double decay = now.stage + 1 < now.stages ? 1.0 : rates::line(now.step, now.first, now.last + 1);
    return rates::warm(now.step, warmup) * decay;
  }
};
/// Another rule, with a short warm-up at the start of every stage.
template <rate_rule Rate> struct rewarm_each_stage {
  Rate rate;
  std::int64_t warmup = 0;
  double operator()(const run_position& now) const { return rate(now) * rates::warm(now.step - now.first, warmup); }
};

/// Another rule, with the rate of the blocks times (L/k)^(1 - exponent) where k of L blocks are active, on average over the draws:
/// the rate that matches completep_scale with the same exponent [completep], applied to a subnetwork. Sub-layers and sequences that
/// are dropped make a network less deep too: k/L is depth_share(). With exponent 1 nothing changes.
template <rate_rule Rate> struct completep_rate {
  Rate rate;
  double exponent = 1;
  double operator()(const run_position& now) const { return now.depth_share > 0 ? rate(now) * std::pow(now.depth_share, exponent - 1) : rate(now); }
};

}  // namespace raptr
