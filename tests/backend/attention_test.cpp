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
  std::vector<typename Ops::master> lse;
};
template <class Ops> attention_results<Ops> run(Ops& ops, const example& e, const std::vector<typename Ops::real>& values,
                                                const std::vector<typename Ops::real>& dvalues) {
  using real = typename Ops::real;
  const std::size_t heads = std::size_t(e.end_of_rows()) * std::size_t(e.heads.groups * e.heads.queries), out = heads * std::size_t(e.heads.width);
  const on_device<Ops, real> qkv(ops, values), mixed(ops, std::vector<real>(out, real(9))), dmixed(ops, dvalues),
      dqkv(ops, std::vector<real>(values.size(), real(9)));
  const on_device<Ops, typename Ops::master> lse(ops, std::vector<typename Ops::master>(heads, typename Ops::master(9)));
  const on_device<Ops, segment> list(ops, e.segments);
  const segment_list segments{e.segments.data(), list.get(), int(e.segments.size())};
  ops.attention(mixed.get(), lse.get(), qkv.read(), e.heads, segments);
  ops.attention_backward(dqkv.get(), dmixed.read(), mixed.read(), lse.get(), qkv.read(), e.heads, segments);
  return {mixed.values(), dqkv.values(), lse.values()};
}
template <class T> std::vector<T> random_qkv(const example& e, double scale = 2) {
  auto x = numbers<T>(std::size_t(e.end_of_rows()) * std::size_t(e.heads.groups * (e.heads.queries + 2) * e.heads.width), 1);
  for (T& v : x) v *= T(scale);
  return x;
}
template <class T> std::vector<T> random_dmixed(const example& e) {
  return numbers<T>(std::size_t(e.end_of_rows()) * std::size_t(e.heads.groups * e.heads.queries * e.heads.width), 2);
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
    for (int threads : {1, 2, 3, 4}) {
      host_ops<float, float> ops({.threads = threads});
      const auto got = run(ops, e, qkv, dmixed);
      CHECK(got.mixed == want.mixed);
      CHECK(got.lse == want.lse);
      CHECK(got.dqkv == want.dqkv);
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
  const auto qkv = random_qkv<double>(e), dmixed = random_dmixed<double>(e);
  const auto objective = [&](const std::vector<double>& x) {
    const auto out = run(ops, e, x, dmixed).mixed;
    double sum = 0;
    for (std::size_t i = 0; i < out.size(); ++i) sum += out[i] * dmixed[i];
    return sum;
  };
  const auto gradient = run(ops, e, qkv, dmixed).dqkv;
  std::vector<double> derivative(qkv.size());
  const double h = 1e-5;
  for (std::size_t i = 0; i < qkv.size(); ++i) {
    auto more = qkv, less = qkv;
    more[i] += h, less[i] -= h;
    derivative[i] = (objective(more) - objective(less)) / (2 * h);
  }
  CHECK(distance(gradient, derivative) < 1e-8);
}

}  // namespace
