// SPDX-License-Identifier: Apache-2.0
// Learning-rate rules: their values at the places that matter, and that no length of run or warm-up gives a rate that is
// not finite, not above 0 or above 1.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <vector>

#include <raptr/optim/learning_rate.hpp>
#include <raptr/schedule/any_schedule.hpp>

using namespace raptr;

namespace {
run_position at(std::int64_t step, std::int64_t total) { return {.step = step, .total = total, .first = 0, .last = total - 1}; }
std::string text_of_moment(const run_position& m) { return std::to_string(m.step) + " of " + std::to_string(m.total); }

/// Every rule, with this warm-up.
template <class F> void each_rule(std::int64_t warmup, F f) {
  f(constant_rate{warmup}, "constant");
  f(warmup_linear{warmup}, "linear");
  f(warmup_cosine{warmup}, "cosine");
  f(warmup_cosine{warmup, 0.0}, "cosine to 0");
  f(warmup_stable_decay{warmup}, "stable");
  f(warmup_stable_decay{warmup, 1.0}, "stable, all decay");
  f(warmup_stable_decay{warmup, 0.0}, "stable, no decay");
  f(decay_in_last_stage{warmup}, "last stage");
  f(rewarm_each_stage<warmup_linear>{{warmup}, warmup}, "rewarm");
  f(rewarm_each_stage<completep_rate<warmup_linear>>{{{warmup}, 0.5}, warmup}, "rewarm by depth");
}
/// Rules of a user that know nothing of blocks.
template <class Rate> struct halved {
  Rate rate;
  double operator()(const run_position& now) const { return 0.5 * rate(now); }
};
struct held {
  std::function<double(const run_position&)> rate;
  double operator()(const run_position& now) const { return rate(now); }
};
template <class Rate> struct from_the_middle {
  Rate rate;
  double operator()(run_position now) const {
    now.step = std::max(now.step, now.total / 2);
    return rate(now);
  }
};
}  // namespace

TEST_CASE("The rate of blocks passes through every rule that wraps another, in any order and depth") {
  using inner = completep_rate<warmup_linear>;
  const inner depth{{10}, 0.5};
  const auto follows = [](const auto& rate, const char* name) {
    CAPTURE(name);
    for (const std::int64_t step : {0, 3, 50, 99}) {
      run_position now = at(step, 100);
      const double others = rate(now);
      now.depth_share = 1;
      CHECK(rate(now) == others);
      now.depth_share = 0.25;  // 3 of 12 blocks
      CHECK(rate(now) == doctest::Approx(2 * others).epsilon(1e-14));
    }
  };
  follows(depth, "itself");
  follows(rewarm_each_stage<inner>{depth, 5}, "rewarm");
  follows(completep_rate<rewarm_each_stage<warmup_linear>>{{{10}, 5}, 0.5}, "rewarm inside");
  follows(halved<inner>{depth}, "halved");
  follows(halved<rewarm_each_stage<halved<inner>>>{{{depth}, 5}}, "three levels");
  follows(rewarm_each_stage<from_the_middle<inner>>{{depth}, 5}, "another step");
  follows(held{rewarm_each_stage<inner>{depth, 5}}, "held by std::function");
  follows(halved<held>{{depth}}, "halved and held");
  follows(completep_rate<completep_rate<warmup_linear>>{{{10}, 0.75}, 0.75}, "twice a half");
}

TEST_CASE("Every rate is finite, above 0 and at most 1, for every warm-up and every length of run") {
  const any_schedule staged("1-2-full");
  for (const std::int64_t total : {1, 2, 3, 4, 5, 7, 10, 100, 1001})
    for (const std::int64_t warmup : {std::int64_t{0}, std::int64_t{1}, std::int64_t{3}, total - 1, total, total + 1, 10 * total})
      each_rule(warmup, [&](const auto& rate, const char* name) {
        for (std::int64_t step = 0; step < total; ++step) {
          const run_position now = total < 3 ? at(step, total) : position_at(staged, step, total, {.layers = 3});
          const double r = rate(now);
          if (!(std::isfinite(r) && r > 0 && r <= 1)) FAIL_CHECK(name << ", warm-up " << warmup << ", step " << text_of_moment(now) << ": " << r);
        }
      });
}

TEST_CASE("The warm-up reaches the peak in its last step, and every rule starts with the first part of it") {
  each_rule(10, [&](const auto& rate, const char* name) {
    CAPTURE(name);
    run_position now = at(0, 1000);
    CHECK(rate(now) == doctest::Approx(0.1).epsilon(0.1));  // 0.1 squared where a stage warms up too
    now.step = 4;
    CHECK(rate(now) <= 0.5 + 1e-12);
    now.step = 9;
    CHECK(rate(now) == doctest::Approx(1.0).epsilon(0.011));
  });
}

TEST_CASE("The linear rule of 100 steps with 10 of warm-up is (step + 1) / 10, then (100 - step) / 90") {
  const warmup_linear rate{10};
  CHECK(rate(at(0, 100)) == 0.1);
  CHECK(rate(at(8, 100)) == 0.9);
  CHECK(rate(at(9, 100)) == 1.0);
  CHECK(rate(at(10, 100)) == 1.0);
  CHECK(rate(at(55, 100)) == 0.5);
  CHECK(rate(at(99, 100)) == doctest::Approx(1.0 / 90));
}

TEST_CASE("The cosine rule is halfway at the middle of its fall and ends near the least rate") {
  const warmup_cosine rate{10, 0.1};
  CHECK(rate(at(10, 110)) == 1.0);
  CHECK(rate(at(60, 110)) == doctest::Approx(0.55).epsilon(1e-12));
  CHECK(rate(at(109, 110)) == doctest::Approx(0.1 + 0.9 * 0.5 * (1 + std::cos(std::numbers::pi * 0.99))).epsilon(1e-12));
}

TEST_CASE("The stable rule is flat until its last fifth") {
  const warmup_stable_decay rate{10, 0.2};
  CHECK(rate(at(10, 100)) == 1.0);
  CHECK(rate(at(80, 100)) == 1.0);
  CHECK(rate(at(81, 100)) == doctest::Approx(0.95));
  CHECK(rate(at(99, 100)) == doctest::Approx(0.05));
}

TEST_CASE("The rule of the last stage is flat until that stage, and rewarming starts again in each of them") {
  const any_schedule staged("1-2-full");
  const decay_in_last_stage flat{0};
  const rewarm_each_stage<constant_rate> again{{0}, 4};
  const auto now = [&](std::int64_t step) { return position_at(staged, step, 30, {.layers = 3}); };
  CHECK(flat(now(19)) == 1.0);
  CHECK(flat(now(20)) == 1.0);
  CHECK(flat(now(21)) == doctest::Approx(0.9));
  CHECK(flat(now(29)) == doctest::Approx(0.1));
  CHECK(again(now(0)) == 0.25);
  CHECK(again(now(9)) == 1.0);
  CHECK(again(now(10)) == 0.25);
  CHECK(again(now(23)) == 1.0);
}

TEST_CASE("The rule of BERT is t / 10 before step 10, then 1 - t / 100, so that it falls at the end of the warm-up") {
  const bert_rate rate{10};
  CHECK(rate(at(0, 100)) == 0);
  CHECK(rate(at(1, 100)) == 0.1);
  CHECK(rate(at(9, 100)) == 0.9);
  CHECK(rate(at(10, 100)) == 0.9);
  CHECK(rate(at(55, 100)) == 0.45);
  CHECK(rate(at(99, 100)) == doctest::Approx(0.01));
  CHECK(bert_rate{}(at(0, 100)) == 1);
  CHECK(bert_rate{10'000}(at(10'000, 1'000'000)) == 0.99);
  for (const std::int64_t total : {1, 2, 7, 100})
    for (const std::int64_t warmup : {std::int64_t{0}, std::int64_t{1}, total, total + 1, 10 * total})
      for (std::int64_t step = 0; step < total; ++step) {
        const double r = bert_rate{warmup}(at(step, total));
        if (!(r >= 0 && r <= 1 && (r > 0 || (step == 0 && warmup > 0)))) FAIL_CHECK(warmup << ", " << step << " of " << total << ": " << r);
      }
}
