// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <vector>

#include "../support/devices.hpp"
#include "../support/on_device.hpp"
#include "attention_examples.hpp"

namespace {
using namespace raptr;
using namespace raptr::testing;

using example = attention_example;

template <class Ops> struct attention_results {
  std::vector<typename Ops::real> mixed, dqkv;
  std::vector<typename Ops::master> lse, doffsets;
};
template <class Ops>
attention_results<Ops> run(Ops& ops, const example& e, const std::vector<typename Ops::real>& values, const std::vector<typename Ops::real>& dvalues,
                           const std::vector<typename Ops::real>& offset_values = {}) {
  using real = typename Ops::real;
  const std::size_t heads = std::size_t(e.end_of_rows()) * std::size_t(e.heads.groups * e.heads.queries), out = heads * std::size_t(e.heads.width);
  const on_device<Ops, real> qkv(ops, values), mixed(ops, std::vector<real>(out, real(9))), dmixed(ops, dvalues),
      dqkv(ops, std::vector<real>(values.size(), real(9)));
  const on_device<Ops, typename Ops::master> lse(ops, std::vector<typename Ops::master>(heads, typename Ops::master(9)));
  const on_device<Ops, segment> list(ops, e.segments);
  const segment_list segments{e.segments.data(), list.get(), int(e.segments.size())};
  if (offset_values.empty()) {
    ops.attention(mixed.get(), lse.get(), qkv.read(), e.heads, segments);
    ops.attention_backward(dqkv.get(), dmixed.read(), mixed.read(), lse.get(), qkv.read(), e.heads, segments);
    return {mixed.values(), dqkv.values(), lse.values(), {}};
  }
  const on_device<Ops, real> offsets(ops, offset_values);
  const on_device<Ops, typename Ops::master> doffsets(
      ops, std::vector<typename Ops::master>(e.segments.size() * offset_values.size(), typename Ops::master(9)));
  const score_offsets<const real> all{offsets.read(), reach_of(e)};
  ops.attention(mixed.get(), lse.get(), qkv.read(), e.heads, segments, all);
  ops.attention_backward(dqkv.get(), dmixed.read(), mixed.read(), lse.get(), qkv.read(), e.heads, segments, all, doffsets.get());
  return {mixed.values(), dqkv.values(), lse.values(), doffsets.values()};
}
template <class T> std::vector<T> random_qkv(const example& e, double scale = 2) {
  auto x = numbers<T>(std::size_t(e.end_of_rows()) * std::size_t(e.heads.groups * (e.heads.queries + 2) * e.heads.width), 1);
  for (T& v : x) v *= T(scale);
  return x;
}
template <class T> std::vector<T> random_dmixed(const example& e) {
  return numbers<T>(std::size_t(e.end_of_rows()) * std::size_t(e.heads.groups * e.heads.queries * e.heads.width), 2);
}

template <class T> std::vector<T> random_offsets(const example& e) {
  return numbers<T>(std::size_t(e.heads.groups * e.heads.queries * (2 * reach_of(e) - 1)), 3);
}

template <class Real, class Master> void compare(double bound) {
  host_ops<Real, Master> fast({.threads = 2});
  reference_ops<Real, Master> plain;
  for (const example& e : attention_examples) {
    CAPTURE(e.heads.width);
    const auto qkv = random_qkv<Real>(e), dmixed = random_dmixed<Real>(e);
    const auto got = run(fast, e, qkv, dmixed);
    const auto want = run(plain, e, qkv, dmixed);
    CHECK(distance(got.mixed, want.mixed) < bound);
    CHECK(distance(got.lse, want.lse) < bound);
    CHECK(distance(got.dqkv, want.dqkv) < 4 * bound);
    const auto offsets = random_offsets<Real>(e);
    const auto moved = run(fast, e, qkv, dmixed, offsets), plainly = run(plain, e, qkv, dmixed, offsets);
    CHECK(distance(moved.mixed, plainly.mixed) < bound);
    CHECK(distance(moved.lse, plainly.lse) < bound);
    CHECK(distance(moved.dqkv, plainly.dqkv) < 4 * bound);
    CHECK(distance(moved.doffsets, plainly.doffsets) < 4 * bound);
    CHECK((e.end_of_rows() == 1 || moved.mixed != got.mixed));
  }
}
TEST_CASE("attention and its gradient equal the plain loops in float, causal, bidirectional, with prefix") { compare<float, float>(3e-6); }
TEST_CASE("attention and its gradient equal the plain loops in double, causal, bidirectional, with prefix") { compare<double, double>(1e-14); }
TEST_CASE("attention keeps its statistics in another type than its rows") { compare<float, double>(3e-6); }

TEST_CASE("attention has the same bits for any number of threads") {
  for (const example& e : attention_examples) {
    const auto qkv = random_qkv<float>(e), dmixed = random_dmixed<float>(e);
    host_ops<float, float> one({.threads = 1});
    const auto want = run(one, e, qkv, dmixed);
    const auto offsets = random_offsets<float>(e);
    const auto moved = run(one, e, qkv, dmixed, offsets);
    for (int threads : {1, 2, 3, 4}) {
      host_ops<float, float> ops({.threads = threads});
      const auto got = run(ops, e, qkv, dmixed);
      CHECK(got.mixed == want.mixed);
      CHECK(got.lse == want.lse);
      CHECK(got.dqkv == want.dqkv);
      const auto also = run(ops, e, qkv, dmixed, offsets);
      CHECK(also.mixed == moved.mixed);
      CHECK(also.dqkv == moved.dqkv);
      CHECK(also.doffsets == moved.doffsets);
    }
  }
}

TEST_CASE("attention bears scores that exp() alone would not") {
  host_ops<float, float> ops({.threads = 1});
  const example e{{1, 1, 16}, {{0, 40, 0}}};
  const auto got = run(ops, e, random_qkv<float>(e, 40), random_dmixed<float>(e));
  for (float x : got.mixed) CHECK(std::isfinite(x));
  for (float x : got.dqkv) CHECK(std::isfinite(x));
}

TEST_CASE_TEMPLATE("the gradient of attention is its derivative", Device, RAPTR_TEST_DEVICES) {
  using ops_type = typename backend_of<Device>::template ops<double, double>;
  ops_type ops{typename backend_of<Device>::options{}};
  const example e{{2, 2, 3}, {{0, 5, 0}, {5, 4, 4}, {9, 6, 3}}};
  const auto qkv = random_qkv<double>(e), dmixed = random_dmixed<double>(e), offsets = random_offsets<double>(e);
  const auto objective = [&](const std::vector<double>& x, const std::vector<double>& moved) {
    const auto out = run(ops, e, x, dmixed, moved).mixed;
    double sum = 0;
    for (std::size_t i = 0; i < out.size(); ++i) sum += out[i] * dmixed[i];
    return sum;
  };
  const auto derivative = [&](const std::vector<double>& at, auto value) {
    std::vector<double> all(at.size());
    const double h = 1e-5;
    for (std::size_t i = 0; i < at.size(); ++i) {
      auto more = at, less = at;
      more[i] += h, less[i] -= h;
      all[i] = (value(more) - value(less)) / (2 * h);
    }
    return all;
  };
  CHECK(distance(run(ops, e, qkv, dmixed).dqkv, derivative(qkv, [&](const auto& x) { return objective(x, {}); })) < 1e-8);
  const auto gradient = run(ops, e, qkv, dmixed, offsets);
  CHECK(distance(gradient.dqkv, derivative(qkv, [&](const auto& x) { return objective(x, offsets); })) < 1e-8);
  std::vector<double> of_all_segments(offsets.size());
  for (std::size_t i = 0; i < gradient.doffsets.size(); ++i) of_all_segments[i % offsets.size()] += gradient.doffsets[i];
  CHECK(distance(of_all_segments, derivative(offsets, [&](const auto& moved) { return objective(qkv, moved); })) < 1e-8);
}

}  // namespace
