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
                           const std::vector<typename Ops::real>& offset_values = {}, double rate = 0) {
  using real = typename Ops::real;
  const std::size_t heads = std::size_t(e.end_of_rows()) * std::size_t(e.heads.groups * e.heads.queries), out = heads * std::size_t(e.heads.width);
  const on_device<Ops, real> qkv(ops, values), mixed(ops, std::vector<real>(out, real(9))), dmixed(ops, dvalues),
      dqkv(ops, std::vector<real>(values.size(), real(9)));
  const on_device<Ops, typename Ops::master> lse(ops, std::vector<typename Ops::master>(heads, typename Ops::master(9)));
  const on_device<Ops, segment> list(ops, e.segments);
  const segment_list segments{e.segments.data(), list.get(), int(e.segments.size())};
  const dropout_of_example<Ops> dropout(ops, e, rate);
  if (offset_values.empty() && rate == 0) {
    ops.attention(mixed.get(), lse.get(), qkv.read(), e.heads, segments);
    ops.attention_backward(dqkv.get(), dmixed.read(), mixed.read(), lse.get(), qkv.read(), e.heads, segments);
    return {mixed.values(), dqkv.values(), lse.values(), {}};
  }
  if (offset_values.empty()) {
    ops.attention(mixed.get(), lse.get(), qkv.read(), e.heads, segments, {}, dropout.mask());
    ops.attention_backward(dqkv.get(), dmixed.read(), mixed.read(), lse.get(), qkv.read(), e.heads, segments, {}, nullptr, dropout.mask());
    return {mixed.values(), dqkv.values(), lse.values(), {}};
  }
  const on_device<Ops, real> offsets(ops, offset_values);
  const on_device<Ops, typename Ops::master> doffsets(
      ops, std::vector<typename Ops::master>(e.segments.size() * offset_values.size(), typename Ops::master(9)));
  const score_offsets<const real> all{offsets.read(), reach_of(e)};
  ops.attention(mixed.get(), lse.get(), qkv.read(), e.heads, segments, all, dropout.mask());
  ops.attention_backward(dqkv.get(), dmixed.read(), mixed.read(), lse.get(), qkv.read(), e.heads, segments, all, doffsets.get(), dropout.mask());
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
    const auto moved = run(fast, e, qkv, dmixed, offsets);
    const auto plainly = run(plain, e, qkv, dmixed, offsets);
    CHECK(distance(moved.mixed, plainly.mixed) < bound);
    CHECK(distance(moved.lse, plainly.lse) < bound);
    CHECK(distance(moved.dqkv, plainly.dqkv) < 4 * bound);
    CHECK(distance(moved.doffsets, plainly.doffsets) < 4 * bound);
    CHECK((e.end_of_rows() == 1 || moved.mixed != got.mixed));
    const auto dropped = run(fast, e, qkv, dmixed, offsets, 0.3);
    const auto plainly_dropped = run(plain, e, qkv, dmixed, offsets, 0.3);
    CHECK(distance(dropped.mixed, plainly_dropped.mixed) < 2 * bound);
    CHECK(dropped.lse == moved.lse);  // the softmax does not see it
    CHECK(distance(dropped.dqkv, plainly_dropped.dqkv) < 8 * bound);
    CHECK(distance(dropped.doffsets, plainly_dropped.doffsets) < 8 * bound);
    CHECK(dropped.mixed != moved.mixed);
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
    const auto moved = run(one, e, qkv, dmixed, offsets), dropped = run(one, e, qkv, dmixed, {}, 0.3);
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
      const auto less = run(ops, e, qkv, dmixed, {}, 0.3);
      CHECK(less.mixed == dropped.mixed);
      CHECK(less.dqkv == dropped.dqkv);
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
  const auto objective = [&](const std::vector<double>& x, const std::vector<double>& moved, double rate = 0) {
    const auto out = run(ops, e, x, dmixed, moved, rate).mixed;
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
  CHECK(distance(run(ops, e, qkv, dmixed, {}, 0.3).dqkv, derivative(qkv, [&](const auto& x) { return objective(x, {}, 0.3); })) < 1e-8);
  const auto dropped = run(ops, e, qkv, dmixed, offsets, 0.3);
  CHECK(distance(dropped.dqkv, derivative(qkv, [&](const auto& x) { return objective(x, offsets, 0.3); })) < 1e-8);
  std::fill(of_all_segments.begin(), of_all_segments.end(), 0.0);
  for (std::size_t i = 0; i < dropped.doffsets.size(); ++i) of_all_segments[i % offsets.size()] += dropped.doffsets[i];
  CHECK(distance(of_all_segments, derivative(offsets, [&](const auto& moved) { return objective(qkv, moved, 0.3); })) < 1e-8);
}

TEST_CASE_TEMPLATE("A probability is dropped by its counter: Philox of key, row and sequence under a key of head and place", Device,
                   RAPTR_TEST_DEVICES) {
  using ops_type = typename backend_of<Device>::template ops<float, float>;
  ops_type ops{typename backend_of<Device>::options{}};
  const example e{{2, 2, 150}, {{0, 150, 0}, {150, 20, 20}, {170, 70, 66}}};
  const auto qkv = with_unit_values(e, random_qkv<float>(e, 0.2)), dmixed = random_dmixed<float>(e);
  const auto all = run(ops, e, qkv, dmixed).mixed, got = run(ops, e, qkv, dmixed, {}, 0.25).mixed;
  std::size_t dropped = 0, count = 0, wrong = 0;
  for (std::size_t s = 0; s < 3; ++s)
    for (std::uint32_t head = 0; head < 4; ++head) {
      const group_rows at{e.segments[s], e.heads, int(head / 2)};
      const std::uint32_t original = (2 * (head / 2) + 1) * 2 + head % 2;
      const auto own = philox({original, 5, 0, 0x80000000u}, {11, 12});
      for (int row = 0; row < at.rows.length; ++row)
        for (int k = 0; k < at.seen(row); ++k) {
          const std::uint32_t key = std::uint32_t(k), number = std::uint32_t(row) + (s == 1 ? 150 : 0);
          const auto words = philox({key / 64 * 16 + key % 16, number, 70000 + std::uint32_t(s / 2), 0}, {own[0], own[1]});
          const bool drops = words[key / 16 % 4] < 0x40000000u;
          const std::size_t place = std::size_t(at.out(int(head % 2), row) + k);
          wrong += drops ? got[place] != 0 : !(std::abs(got[place] - all[place] / 0.75f) <= 1e-6f * got[place]);
          dropped += drops, ++count;
        }
    }
  CHECK(wrong == 0);
  CHECK(std::abs(double(dropped) / double(count) - 0.25) < 5 * std::sqrt(0.25 * 0.75 / double(count)));
}

TEST_CASE("The share of probabilities that is dropped is the rate, in rows and keys alike, and any part of the counter changes the draw") {
  const int rows = 256, keys = 256, groups[] = {0, 1, 2, 3}, places[] = {0, 0}, later[] = {0, 256}, others[] = {1, 0};
  const head_shape heads{4, 2, 8};
  const auto drawn = [&](probability_dropout mask, int group, int query) {
    mask.rate = 0.3, mask.groups = groups;
    if (!mask.row_places) mask.row_places = places;
    const head_draws draws(mask, {{0, rows, rows}, heads, group}, query);
    std::vector<char> zero;
    for (int row = 0; row < rows; ++row)
      for (int k = 0; k < keys; ++k) zero.push_back(!draws.keeps(draws.of(row, k), k));
    return zero;
  };
  const auto first = drawn({{.key = {1, 2}, .place = 1}}, 1, 0);
  const auto is_the_rate = [](double zeros, double n) { CHECK(std::abs(zeros / n - 0.3) < 5 * std::sqrt(0.3 * 0.7 / n)); };
  is_the_rate(double(std::count(first.begin(), first.end(), 1)), rows * keys);
  for (int k = 0; k < keys; ++k) {
    int of_key = 0, of_row = 0;
    for (int row = 0; row < rows; ++row) of_key += first[std::size_t(row * keys + k)], of_row += first[std::size_t(k * keys + row)];
    is_the_rate(of_key, rows), is_the_rate(of_row, keys);
  }
  const auto agree = [&](const std::vector<char>& other, int shift = 0) {  // 0.3^2 + 0.7^2 by chance
    double same = 0;
    for (int row = 0; row < rows; ++row)
      for (int k = 0; k < keys; ++k) same += first[std::size_t(row * keys + k)] == other[std::size_t(row * keys + (k + shift) % keys)];
    return same / double(first.size());
  };
  for (const auto& other :
       {drawn({{.key = {2, 2}, .place = 1}}, 1, 0), drawn({{.key = {1, 3}, .place = 1}}, 1, 0), drawn({{.key = {1, 2}, .place = 2}}, 1, 0),
        drawn({{.key = {1, 2}, .place = 1}}, 1, 1), drawn({{.key = {1, 2}, .place = 1}}, 2, 0),
        drawn({{.key = {1, 2}, .place = 1, .row_places = later}}, 1, 0), drawn({{.key = {1, 2}, .place = 1, .row_places = others}}, 1, 0)})
    CHECK(agree(other) == doctest::Approx(0.58).epsilon(0.02));
  for (const int shift : {1, 8, 16, 32, 48, 64, 128}) CHECK(agree(first, shift) == doctest::Approx(0.58).epsilon(0.02));
  CHECK(agree(first) == 1);
}

TEST_CASE("On average over many steps attention with dropout is attention without") {
  host_ops<double, double> ops({.threads = 1});
  const example e{{1, 2, 3}, {{0, 6, 0}, {6, 4, 4}}};
  const auto qkv = random_qkv<double>(e), dmixed = random_dmixed<double>(e);
  const auto want = run(ops, e, qkv, dmixed);
  std::vector<double> sum(want.mixed.size()), squares(want.mixed.size());
  const int steps = 4000;
  std::vector<double> mixed(want.mixed.size()), lse(want.lse.size());
  for (int step = 0; step < steps; ++step) {
    const dropout_of_example<host_ops<double, double>> dropout(ops, e, 0.4, std::uint32_t(step));
    ops.attention(mixed.data(), lse.data(), qkv.data(), e.heads, {e.segments.data(), e.segments.data(), 2}, {}, dropout.mask());
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += mixed[i], squares[i] += mixed[i] * mixed[i];
  }
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const double mean = sum[i] / steps, deviation = std::sqrt((squares[i] / steps - mean * mean) / steps);
    CHECK(deviation > 0);
    CHECK(std::abs(mean - want.mixed[i]) < 5 * deviation);
  }
}

TEST_CASE("A head drops the same whichever other heads are kept") {
  host_ops<float, float> ops({.threads = 1});
  const example both{{2, 2, 4}, {{0, 40, 0}}}, one{{1, 2, 4}, {{0, 40, 0}}};
  const auto wide = random_qkv<float>(both);
  std::vector<float> narrow;  // its second group
  for (auto row = wide.begin(); row != wide.end(); row += 32) narrow.insert(narrow.end(), row + 16, row + 32);
  std::vector<int> row_places;
  for (int row = 0; row < 40; ++row) row_places.insert(row_places.end(), {3, row});
  const auto mixed = [&](const example& e, const std::vector<float>& qkv, std::vector<int> groups) {
    std::vector<float> out(std::size_t(40 * e.heads.groups * 8)), lse(std::size_t(40 * e.heads.groups * 2));
    ops.attention(out.data(), lse.data(), qkv.data(), e.heads, {e.segments.data(), e.segments.data(), 1}, {},
                  {{.rate = 0.5, .key = {1, 2}, .place = 1, .row_places = row_places.data()}, groups.data()});
    const auto width = std::ptrdiff_t(e.heads.groups) * 8;
    std::vector<float> last;  // of the last group of each row
    for (auto end = out.begin() + width;; end += width) {
      last.insert(last.end(), end - 8, end);
      if (end == out.end()) return last;
    }
  };
  const auto want = mixed(both, wide, {2, 5});
  CHECK(mixed(one, narrow, {5}) == want);
  CHECK(mixed(one, narrow, {0}) != want);
}

}  // namespace
