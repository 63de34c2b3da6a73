// SPDX-License-Identifier: Apache-2.0
// The kernels of attention against plain loops in double on the same numbers, at ragged sizes. What lies outside all
// segments is NaN when it is an input and must keep its value when it is an output.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <raptr/backend/cpu.hpp>
#include <raptr/backend/cuda.cuh>
#include <utility>
#include <vector>

#include "../backend/attention_examples.hpp"
#include "../support/on_device.hpp"
#include "../support/reference.hpp"
#include "device_orders.hpp"

namespace {
using namespace raptr;
using namespace raptr::testing;

using example = attention_example;
std::size_t rows_of(const example& e) { return std::size_t(e.end_of_rows() + 2); }
std::size_t heads_of(const example& e) { return rows_of(e) * std::size_t(e.heads.groups * e.heads.queries); }
std::size_t out_size(const example& e) { return heads_of(e) * std::size_t(e.heads.width); }
std::size_t qkv_size(const example& e) { return rows_of(e) * std::size_t(e.heads.groups * (e.heads.queries + 2) * e.heads.width); }

const std::vector<example> examples = [] {
  std::vector<example> all = attention_examples;
  const std::vector<example> wider{
      {{1, 1, 1}, {{3, 0, 0}, {3, 63, 0}, {70, 130, 130}, {200, 64, 31}}},
      {{2, 3, 5}, {{0, 65, 64}, {65, 0, 0}, {65, 127, 0}}},
      {{1, 2, 64}, {{5, 257, 0}, {262, 1, 0}, {263, 64, 64}, {400, 127, 70}}},
      {{1, 1, 80}, {{0, 130, 0}, {130, 63, 63}}},
      {{1, 2, 128}, {{2, 65, 0}, {70, 130, 66}}},
      {{2, 1, 200}, {{1, 64, 0}, {65, 33, 20}}},
      {{1, 1, 256}, {{0, 40, 0}, {40, 17, 17}}},
  };
  all.insert(all.end(), wider.begin(), wider.end());
  return all;
}();

template <class To, class From> std::vector<To> to(const std::vector<From>& from) {
  std::vector<To> list;
  for (From x : from) list.push_back(To(x));
  return list;
}
/// `n` numbers of up to `scale`, NaN in the rows outside all segments.
template <class T> std::vector<T> inputs(const example& e, std::size_t n, std::uint64_t seed, double scale) {
  auto list = numbers<T>(n, seed);
  const std::size_t width = n / rows_of(e);
  for (std::size_t row = 0; row < rows_of(e); ++row) {
    bool inside = false;
    for (const segment& s : e.segments) inside = inside || (int(row) >= s.first && int(row) < s.first + s.length);
    for (std::size_t i = row * width; i < (row + 1) * width; ++i)
      list[i] = inside ? T(double(list[i]) * scale) : T(std::numeric_limits<double>::quiet_NaN());
  }
  return list;
}
template <class T> std::vector<T> random_qkv(const example& e, double scale = 2) { return inputs<T>(e, qkv_size(e), 1, scale); }
template <class T> std::vector<T> random_dmixed(const example& e) { return inputs<T>(e, out_size(e), 2, 1); }

template <class Real, class Master> struct forward_results {
  std::vector<Real> mixed;
  std::vector<Master> lse;
  bool operator==(const forward_results&) const = default;
};
/// An array that begins `shift` numbers after an aligned address.
template <class Ops, class T> class shifted {
 public:
  shifted(Ops& ops, std::vector<T> from, std::size_t shift) : shift_(shift), all_(ops, (from.insert(from.begin(), shift, T(0)), from)) {}
  T* get() const { return all_.get() + shift_; }
  const T* read() const { return all_.read() + shift_; }
  std::vector<T> values() const {
    auto list = all_.values();
    list.erase(list.begin(), list.begin() + std::ptrdiff_t(shift_));
    return list;
  }

 private:
  std::size_t shift_;
  on_device<Ops, T> all_;
};

template <class Ops, class Real = typename Ops::real, class Master = typename Ops::master>
forward_results<Real, Master> forward(Ops& ops, const example& e, const std::vector<Real>& values, std::size_t shift = 0) {
  const shifted<Ops, Real> qkv(ops, values, shift), mixed(ops, std::vector<Real>(out_size(e), Real(9)), shift);
  const on_device<Ops, Master> lse(ops, std::vector<Master>(heads_of(e), Master(9)));
  const on_device<Ops, segment> list(ops, e.segments);
  ops.attention(mixed.get(), lse.get(), qkv.read(), e.heads, {e.segments.data(), list.get(), int(e.segments.size())});
  return {mixed.values(), lse.values()};
}
template <class Ops, class Real = typename Ops::real, class Master = typename Ops::master>
std::vector<Real> backward(Ops& ops, const example& e, const std::vector<Real>& values, const std::vector<Real>& dvalues,
                           const forward_results<Real, Master>& saved, std::size_t shift = 0) {
  const shifted<Ops, Real> qkv(ops, values, shift), mixed(ops, saved.mixed, shift), dmixed(ops, dvalues, shift),
      dqkv(ops, std::vector<Real>(values.size(), Real(9)), shift);
  const on_device<Ops, Master> lse(ops, saved.lse);
  const on_device<Ops, segment> list(ops, e.segments);
  ops.attention_backward(dqkv.get(), dmixed.read(), mixed.read(), lse.read(), qkv.read(), e.heads,
                         {e.segments.data(), list.get(), int(e.segments.size())});
  return dqkv.values();
}

struct bounds {
  double mixed, lse, dqkv;
};
template <class Real, class Master> void compare(const std::vector<example>& list, bounds most, double scale = 2) {
  cuda_ops<Real, Master> ops;
  reference_ops<double, double> plain;
  for (const example& e : list) {
    CAPTURE(e.heads.width);
    CAPTURE(e.segments[0].length);
    const auto qkv = random_qkv<Real>(e, scale), dmixed = random_dmixed<Real>(e);
    const auto got = forward(ops, e, qkv);
    const auto want = forward(plain, e, to<double>(qkv));
    CHECK(distance(got.mixed, want.mixed) < most.mixed);
    CHECK(distance(got.lse, want.lse) < most.lse);
    // The backward pass of both begins with the same numbers, so that its own error is seen.
    const forward_results<Real, Master> saved{to<Real>(want.mixed), to<Master>(want.lse)};
    const auto dqkv = backward(ops, e, qkv, dmixed, saved);
    CHECK(distance(dqkv, backward(plain, e, to<double>(qkv), to<double>(dmixed), {to<double>(saved.mixed), to<double>(saved.lse)})) < most.dqkv);
  }
}
TEST_CASE("attention on the device equals the plain loops in float") { compare<float, float>(examples, {3e-6, 3e-6, 12e-6}); }
TEST_CASE("attention on the device equals the plain loops in double") { compare<double, double>(examples, {1e-14, 1e-14, 4e-14}); }
TEST_CASE("attention on the device rounds once in bfloat16") {
  constexpr double half_of_the_last_place = 1.0 / 256 + 2e-5;
  compare<bfloat16, float>(examples, {half_of_the_last_place, 3e-6, half_of_the_last_place});
}
TEST_CASE("attention on the device bears scores that exp() alone would not") {
  const std::vector<example> list{{{1, 1, 16}, {{0, 40, 0}}}, {{1, 1, 64}, {{0, 150, 100}}}};
  compare<float, float>(list, {2e-3, 1e-6, 2e-2}, 20);  // scores of hundreds have errors of 1e-4
  compare<double, double>(list, {1e-10, 1e-14, 1e-9}, 60);
}

TEST_CASE_TEMPLATE("attention on the device has the same bits in every order of its threads", Real, float, bfloat16) {
  for (const std::size_t i : {2u, 5u, 9u, 10u, 11u}) {
    const example& e = examples[i];
    const auto qkv = random_qkv<Real>(e), dmixed = random_dmixed<Real>(e);
    set_device_order(0);
    cuda_ops<Real, float> ops;
    const auto want = forward(ops, e, qkv);
    const auto gradient = backward(ops, e, qkv, dmixed, want);
    for (const std::uint64_t seed : {0u, 1u, 2u, 3u}) {
      set_device_order(unsigned(seed));
      const auto got = forward(ops, e, qkv);
      CHECK(std::memcmp(got.mixed.data(), want.mixed.data(), got.mixed.size() * sizeof(Real)) == 0);
      CHECK(got.lse == want.lse);
      CHECK(std::memcmp(backward(ops, e, qkv, dmixed, want).data(), gradient.data(), gradient.size() * sizeof(Real)) == 0);
    }
  }
  set_device_order(0);
}

TEST_CASE_TEMPLATE("attention on the device has the same bits for arrays that are not aligned", Real, float, bfloat16) {
  for (const std::size_t i : {2u, 9u, 11u}) {
    const example& e = examples[i];
    const auto qkv = random_qkv<Real>(e), dmixed = random_dmixed<Real>(e);
    cuda_ops<Real, float> ops;
    const auto want = forward(ops, e, qkv), got = forward(ops, e, qkv, 1);
    CHECK(std::memcmp(got.mixed.data(), want.mixed.data(), got.mixed.size() * sizeof(Real)) == 0);
    CHECK(got.lse == want.lse);
    const auto gradient = backward(ops, e, qkv, dmixed, want);
    CHECK(std::memcmp(backward(ops, e, qkv, dmixed, want, 1).data(), gradient.data(), gradient.size() * sizeof(Real)) == 0);
  }
}

TEST_CASE("attention on the device changes nothing outside the segments") {
  cuda_ops<float, float> ops;
  const example e{{2, 2, 16}, {{3, 5, 0}, {10, 70, 70}}};
  const auto qkv = random_qkv<float>(e), dmixed = random_dmixed<float>(e);
  const auto got = forward(ops, e, qkv);
  const auto dqkv = backward(ops, e, qkv, dmixed, got);
  for (std::size_t row = 0; row < rows_of(e); ++row) {
    if ((row >= 3 && row < 8) || (row >= 10 && row < 80)) continue;
    for (std::size_t i = row * 64; i < (row + 1) * 64; ++i) CHECK(got.mixed[i] == 9.0f);
    for (std::size_t i = row * 4; i < (row + 1) * 4; ++i) CHECK(got.lse[i] == 9.0f);
    for (std::size_t i = row * 128; i < (row + 1) * 128; ++i) CHECK(dqkv[i] == 9.0f);
  }
}

TEST_CASE("a row that sees itself only mixes its own value, and its scores have no gradient") {
  cuda_ops<float, float> ops;
  const example e{{1, 2, 7}, {{0, 1, 0}, {1, 1, 1}, {2, 1, 0}}};
  const auto qkv = random_qkv<float>(e), dmixed = random_dmixed<float>(e);
  const auto got = forward(ops, e, qkv);
  const auto dqkv = backward(ops, e, qkv, dmixed, got);
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t d = 0; d < 7; ++d) {
      for (std::size_t query = 0; query < 2; ++query) {
        CHECK(got.mixed[row * 14 + query * 7 + d] == qkv[row * 28 + 21 + d]);
        CHECK(std::abs(dqkv[row * 28 + query * 7 + d]) < 1e-5f);
      }
      CHECK(std::abs(dqkv[row * 28 + 14 + d]) < 1e-5f);
      CHECK(dqkv[row * 28 + 21 + d] == doctest::Approx(dmixed[row * 14 + d] + dmixed[row * 14 + 7 + d]));
    }
}

TEST_CASE("the gradient of attention on the device is its derivative") {
  cuda_ops<double, double> ops;
  const example e{{1, 2, 3}, {{0, 5, 0}, {5, 4, 4}, {9, 3, 2}}};
  const auto qkv = random_qkv<double>(e), dmixed = random_dmixed<double>(e);
  const auto objective = [&](const std::vector<double>& x) {
    const auto out = forward(ops, e, x).mixed;
    double sum = 0;
    for (std::size_t i = 0; i < out.size(); ++i) sum += std::isnan(dmixed[i]) ? 0 : out[i] * dmixed[i];
    return sum;
  };
  const auto gradient = backward(ops, e, qkv, dmixed, forward(ops, e, qkv));
  std::vector<double> derivative(qkv.size(), 9);
  const double h = 1e-5;
  for (std::size_t i = 0; i < qkv.size(); ++i) {
    if (std::isnan(qkv[i])) continue;
    auto more = qkv, less = qkv;
    more[i] += h, less[i] -= h;
    derivative[i] = (objective(more) - objective(less)) / (2 * h);
  }
  CHECK(distance(gradient, derivative) < 1e-8);
}

template <class Real, class Master> struct moved_results {
  std::vector<Real> mixed, dqkv;
  std::vector<Master> doffsets;
};
/// Both passes with offsets, and dropout if the rate is not 0, from numbers that every precision holds.
template <class Ops> moved_results<typename Ops::real, typename Ops::master> with_offsets(Ops& ops, const example& e, double rate = 0) {
  using real = typename Ops::real;
  using master = typename Ops::master;
  const std::size_t width = std::size_t(e.heads.groups * e.heads.queries * (2 * reach_of(e) - 1));
  const on_device<Ops, real> qkv(ops, to<real>(to<bfloat16>(random_qkv<float>(e)))), dmixed(ops, to<real>(to<bfloat16>(random_dmixed<float>(e)))),
      mixed(ops, std::vector<real>(out_size(e))), dqkv(ops, std::vector<real>(qkv_size(e), real(9))),
      offsets(ops, to<real>(to<bfloat16>(numbers<float>(width, 3))));
  const on_device<Ops, master> lse(ops, std::vector<master>(heads_of(e))), doffsets(ops, std::vector<master>(e.segments.size() * width, master(9)));
  const on_device<Ops, segment> list(ops, e.segments);
  const segment_list segments{e.segments.data(), list.get(), int(e.segments.size())};
  const score_offsets<const real> all{offsets.read(), reach_of(e)};
  const dropout_of_example<Ops> dropout(ops, e, rate);
  ops.attention(mixed.get(), lse.get(), qkv.read(), e.heads, segments, all, dropout.mask());
  ops.attention_backward(dqkv.get(), dmixed.read(), mixed.read(), lse.read(), qkv.read(), e.heads, segments, all, doffsets.get(), dropout.mask());
  return {mixed.values(), dqkv.values(), doffsets.values()};
}
TEST_CASE_TEMPLATE("attention on the device adds offsets to its scores, with the same bits in every order of its threads", Real, float, bfloat16) {
  const double rounding = std::is_same_v<Real, bfloat16> ? 0.01 : 12e-6;  // of bfloat16: mixed is rounded before the backward pass reads it
  for (const std::size_t i : {1u, 3u, 7u, 8u, 9u, 11u}) {
    const example& e = examples[i];
    CAPTURE(i);
    set_device_order(0);
    cuda_ops<Real, float> ops;
    reference_ops<double, double> plain;
    const auto got = with_offsets(ops, e);
    const auto want = with_offsets(plain, e);
    CHECK(distance(got.mixed, want.mixed) < rounding);
    CHECK(distance(got.dqkv, want.dqkv) < rounding);
    CHECK(distance(got.doffsets, want.doffsets) < rounding);
    for (const unsigned order : {1u, 2u}) {
      set_device_order(order);
      const auto again = with_offsets(ops, e);
      CHECK(std::memcmp(again.mixed.data(), got.mixed.data(), got.mixed.size() * sizeof(Real)) == 0);
      CHECK(again.doffsets == got.doffsets);
    }
  }
  set_device_order(0);
}

TEST_CASE_TEMPLATE("attention on the device drops what the plain loops drop, with the same bits in every order of its threads", Real, float, bfloat16,
                   double) {
  using master = std::conditional_t<std::is_same_v<Real, double>, double, float>;
  const double rounding = std::is_same_v<Real, bfloat16> ? 0.02 : std::is_same_v<Real, float> ? 12e-6 : 4e-14;
  for (const std::size_t i : {1u, 3u, 7u, 8u, 9u, 11u, 12u}) {
    const example& e = examples[i];
    CAPTURE(i);
    set_device_order(0);
    cuda_ops<Real, master> ops;
    reference_ops<double, double> plain;
    const auto got = with_offsets(ops, e, 0.3);
    const auto want = with_offsets(plain, e, 0.3);
    CHECK(distance(got.mixed, want.mixed) < rounding);
    CHECK(distance(got.dqkv, want.dqkv) < rounding);
    CHECK(distance(got.doffsets, want.doffsets) < rounding);
    set_device_order(2);
    const auto again = with_offsets(ops, e, 0.3);
    CHECK(std::memcmp(again.mixed.data(), got.mixed.data(), got.mixed.size() * sizeof(Real)) == 0);
    CHECK(again.doffsets == got.doffsets);
  }
  set_device_order(0);
}
TEST_CASE("attention on the device drops exactly the probabilities that the CPU drops") {
  const auto dropped = [](auto&& ops, const example& e, double rate) {
    using device = std::remove_reference_t<decltype(ops)>;
    const on_device<device, float> qkv(ops, with_unit_values(e, numbers<float>(qkv_size(e), 5))), mixed(ops, std::vector<float>(out_size(e), 9.0f)),
        lse(ops, std::vector<float>(heads_of(e)));
    const on_device<device, segment> list(ops, e.segments);
    const dropout_of_example<device> dropout(ops, e, rate);
    ops.attention(mixed.get(), lse.get(), qkv.read(), e.heads, {e.segments.data(), list.get(), int(e.segments.size())}, {}, dropout.mask());
    std::vector<bool> zero;
    for (const float p : mixed.values()) zero.push_back(p == 0);
    return zero;
  };
  for (const example& e : {example{{2, 2, 64}, {{0, 64, 0}, {64, 50, 50}}}, {{1, 2, 160}, {{0, 150, 70}}}, {{2, 1, 30}, {{0, 30, 30}}}}) {
    const auto want = dropped(cpu_ops<float, float>({.threads = 1}), e, 0.4);
    CHECK(dropped(cuda_ops<float, float>(), e, 0.4) == want);
    CHECK(dropped(cuda_ops<float, float>(), e, 0) != want);
  }
}

#if __has_include(<emulator.hpp>)
TEST_CASE("attention without rows, heads or segments starts no kernel") {
  cuda_ops<float, float> ops;
  const on_device<cuda_ops<float, float>, float> some(ops, std::vector<float>(16));
  const segment empty[] = {{0, 0, 0}, {4, 0, 0}};
  const on_device<cuda_ops<float, float>, segment> list(ops, {empty, empty + 2});
  const auto before = emulator::counts().launches;
  for (const auto& [heads, count] : {std::pair{head_shape{1, 1, 4}, 2}, {head_shape{1, 1, 4}, 0}, {head_shape{0, 1, 4}, 2}}) {
    ops.attention(some.get(), some.get(), some.read(), heads, {empty, list.get(), count});
    ops.attention_backward(some.get(), some.read(), some.read(), some.read(), some.read(), heads, {empty, list.get(), count});
  }
  emulator::finish();
  CHECK(emulator::counts().launches == before);
}

TEST_CASE("attention on the device starts one kernel forward and two backward, and waits for none") {
  cuda_ops<float, float> ops;
  const example e{{1, 1, 4}, {{0, 3, 0}, {3, 2, 2}}};
  const on_device<cuda_ops<float, float>, float> x(ops, std::vector<float>(qkv_size(e))), y(ops, std::vector<float>(qkv_size(e)));
  const on_device<cuda_ops<float, float>, segment> list(ops, e.segments);
  const segment_list segments{e.segments.data(), list.get(), 2};
  const auto before = emulator::counts();
  ops.attention(y.get(), y.get() + out_size(e), x.read(), e.heads, segments);
  emulator::finish();
  CHECK(emulator::counts().launches == before.launches + 1);
  ops.attention_backward(y.get(), x.read(), x.read(), x.read(), x.read(), e.heads, segments);
  emulator::finish();
  CHECK(emulator::counts().launches == before.launches + 3);
  CHECK(emulator::counts().synchronisations == before.synchronisations);
}
#endif

TEST_CASE("segments that do not fit one grid are started in several") {
  const std::vector<segment> list{{0, 3, 0}, {3, 9, 0}, {12, 0, 0}, {12, 8, 0}, {20, 1, 0}};
  const segment_list segments{list.data(), list.data(), 5};
  struct start {
    std::ptrdiff_t first;
    int tiles;
    unsigned blocks;
    bool operator==(const start&) const = default;
  };
  const auto starts = [&](std::int64_t most) {
    std::vector<start> all;
    cuda_backend::over_segments(
        segments, 4, 2,
        [&](const segment* first, int tiles, unsigned blocks) {
          all.push_back({first - list.data(), tiles, blocks});
        },
        most);
    return all;
  };
  CHECK(starts(1000) == std::vector<start>{{0, 3, 30}});
  CHECK(starts(12) == std::vector<start>{{0, 3, 12}, {2, 3, 12}, {4, 3, 6}});
  CHECK(starts(17) == starts(12));
  CHECK(starts(1).size() == 5);
}

TEST_CASE("rows are read in pieces of 16 bytes only if all of them begin at one") {
  using cuda_backend::is_aligned;
  alignas(16) const float numbers[8] = {};
  alignas(16) const bfloat16 halves[16] = {};
  CHECK(is_aligned<float>(4, numbers, numbers + 4));
  CHECK_FALSE(is_aligned<float>(5, numbers));
  CHECK_FALSE(is_aligned<float>(4, numbers, numbers + 1));
  CHECK_FALSE(is_aligned<float>(4, numbers + 2, numbers));
  CHECK(is_aligned<bfloat16>(8, halves));
  CHECK_FALSE(is_aligned<bfloat16>(4, halves));
  CHECK_FALSE(is_aligned<bfloat16>(8, halves + 4));
}

TEST_CASE("a head that no kernel is wide enough for is refused") {
  cuda_ops<float, float> ops;
  float* const none = nullptr;
  CHECK_THROWS_WITH_AS(ops.attention(none, none, none, {1, 1, 257}, {}),
                       "raptr: attention heads of width 257 do not fit the GPU's kernels: take 1 to 256, with more heads", input_error);
}

}  // namespace
