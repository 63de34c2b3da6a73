// SPDX-License-Identifier: Apache-2.0
// The row kernels one by one, on both backends: values by their formulas, gradients against central differences.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <tuple>
#include <vector>

#include <raptr/nn/layers/dropout.hpp>
#include <raptr/nn/layers/embedding.hpp>
#include <raptr/nn/layers/loss.hpp>
#include <raptr/nn/layers/loss_sums.hpp>

#include "on_device.hpp"
#include "small_model.hpp"

using namespace raptr;
using namespace raptr::testing;
using list = std::vector<double>;

namespace {

template <class Device> struct machine {
  typename backend_of<Device>::template ops<double, double> ops{small_options<Device>(false)};
  on_device<decltype(ops), double> put(const list& v) { return {ops, v}; }
  on_device<decltype(ops), int> put(const std::vector<int>& v) { return {ops, v}; }
  on_device<decltype(ops), float> put(const std::vector<float>& v) { return {ops, v}; }
};

/// The largest gap between g and the differences of f at x, relative to the largest entry.
double gap_to_differences(const std::function<double(const list&)>& f, const list& x, const list& g) {
  double most = 0, top = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double h = 1e-4;
    list a = x;
    double slope = 0;
    for (const auto& [step, share] : {std::pair{-2, 1.0}, {-1, -8.0}, {1, 8.0}, {2, -1.0}}) a[i] = x[i] + step * h, slope += share * f(a) / (12 * h);
    const double d = std::abs(slope - g[i]);
    most = std::max(most, std::isfinite(d) ? d : HUGE_VAL), top = std::max(top, std::abs(slope));
  }
  return most / top;
}
double dot(const list& a, const list& b) {
  double s = 0;
  for (std::size_t i = 0; i < a.size(); ++i) s += a[i] * b[i];
  return s;
}

template <class Norm, class Device> void norm_has_the_gradient_of_its_formula() {
  machine<Device> on;
  const int width = 7, rows = 5;
  const std::size_t size = 35;
  const list x = numbers<double>(size, 1), gain = numbers<double>(7, 2), bias = numbers<double>(7, 3), c = numbers<double>(size, 4);
  const auto forward = [&](const list& from, const list& a, const list& b, list* keep_hat = nullptr, list* keep_scale = nullptr) {
    auto dx = on.put(from), da = on.put(a), db = on.put(b), hat = on.put(list(size)), scale = on.put(list(5)), y = on.put(list(size));
    on.ops.for_each_row(norm_forward<Norm, double, double>{dx.read(), hat.get(), scale.get(), y.get(), da.read(), db.read(), width}, rows);
    if (keep_hat) *keep_hat = hat.values(), *keep_scale = scale.values();
    return y.values();
  };
  list hat, scale;
  forward(x, gain, bias, &hat, &scale);
  auto dhat = on.put(hat), dscale = on.put(scale), da = on.put(gain), d = on.put(c), into = on.put(list(size, 2.0)), dgain = on.put(list(7, 5.0)),
       dbias = on.put(list(7, 6.0));
  on.ops.for_each_row(
      norm_backward<Norm, double, double>{dhat.read(), dscale.read(), da.read(), d.get(), into.get(), dgain.get(), dbias.get(), width}, rows);
  CHECK(gap_to_differences([&](const list& v) { return dot(c, forward(v, gain, bias)); }, x, d.values()) < 1e-8);
  list g = dgain.values();
  for (double& v : g) v -= 5;  // += what was there
  CHECK(gap_to_differences([&](const list& v) { return dot(c, forward(x, v, bias)); }, gain, g) < 1e-8);
  g = dbias.values();
  for (double& v : g) v -= 6;
  if (Norm::bias)
    CHECK(gap_to_differences([&](const list& v) { return dot(c, forward(x, gain, v)); }, bias, g) < 1e-8);
  else
    CHECK(g == list(7, 0.0));
  const list alone = d.values(), sum = into.values();
  for (std::size_t i = 0; i < size; ++i) CHECK(sum[i] == 2.0 + alone[i]);
}

template <class A> double activation_gap() {
  const list a = numbers<double>(2, 9);
  double worst = 0;
  for (const double at : {-3.0, -1.3, -0.1, 0.0, 0.4, 2.7, 7.0})
    for (const double other : {-2.0, 0.5, 3.0}) {
      const list x{at, other};
      list da(2, 0.0);
      A::backward(x.data(), 1.5, da.data());
      worst = std::max(worst, gap_to_differences([](const list& v) { return 1.5 * A::forward(v.data()); }, list(x.begin(), x.begin() + A::inputs),
                                                 list(da.begin(), da.begin() + A::inputs)));
    }
  return worst;
}

}  // namespace

TEST_CASE_TEMPLATE("The gradient of every norm is the difference quotient of its formula", Device, RAPTR_TEST_DEVICES) {
  norm_has_the_gradient_of_its_formula<layer_norm, Device>();
  norm_has_the_gradient_of_its_formula<bert_layer_norm, Device>();
  norm_has_the_gradient_of_its_formula<rms_norm, Device>();
  norm_has_the_gradient_of_its_formula<fourth_norm, Device>();
}

TEST_CASE("A layer norm has mean 0 and variance 1, and an RMS norm mean square 1") {
  machine<reference> on;
  const list x = numbers<double>(64, 7);
  auto from = on.put(x), hat = on.put(list(64)), scale = on.put(list(1)), y = on.put(list(64)), ones = on.put(list(64, 1.0)),
       zeros = on.put(list(64));
  on.ops.for_each_row(norm_forward<layer_norm, double, double>{from.read(), hat.get(), scale.get(), y.get(), ones.read(), zeros.read(), 64}, 1);
  CHECK(std::abs(dot(y.values(), list(64, 1.0))) < 1e-12);
  CHECK(dot(y.values(), y.values()) / 64 == doctest::Approx(1).epsilon(1e-4));
  on.ops.for_each_row(norm_forward<rms_norm, double, double>{from.read(), hat.get(), scale.get(), y.get(), ones.read(), nullptr, 64}, 1);
  CHECK(dot(y.values(), y.values()) / 64 == doctest::Approx(1).epsilon(1e-4));
}

TEST_CASE_TEMPLATE("A norm adds the epsilon that it is given to the variance or the mean square", Device, RAPTR_TEST_DEVICES) {
  machine<Device> on;
  const list x{1.0, -2.0, 4.5, 0.5};  // mean 1, variance 5.375, mean square 6.375
  auto from = on.put(x), hat = on.put(list(4)), scale = on.put(list(1)), y = on.put(list(4)), ones = on.put(list(4, 1.0)), zeros = on.put(list(4));
  on.ops.for_each_row(norm_forward<layer_norm, double, double>{from.read(), hat.get(), scale.get(), y.get(), ones.read(), zeros.read(), 4, 0.3}, 1);
  for (std::size_t i = 0; i < 4; ++i) CHECK(y.values()[i] == doctest::Approx((x[i] - 1) / std::sqrt(5.375 + 0.3)).epsilon(1e-14));
  on.ops.for_each_row(norm_forward<rms_norm, double, double>{from.read(), hat.get(), scale.get(), y.get(), ones.read(), nullptr, 4, 0.3}, 1);
  for (std::size_t i = 0; i < 4; ++i) CHECK(y.values()[i] == doctest::Approx(x[i] / std::sqrt(6.375 + 0.3)).epsilon(1e-14));
}

TEST_CASE_TEMPLATE("The layer norm of a constant row is exactly its bias, and its gradient is finite", Device, RAPTR_TEST_DEVICES) {
  typename backend_of<Device>::template ops<float, float> ops(small_options<Device>(false));
  const int width = 256;
  using floats = std::vector<float>;
  on_device<decltype(ops), float> x(ops, floats(256, 1234.0f)), hat(ops, floats(256)), scale(ops, floats(1)), y(ops, floats(256)),
      gain(ops, floats(256, 1.0f)), bias(ops, floats(256, 0.5f)), dgain(ops, floats(256)), dbias(ops, floats(256)), d(ops, numbers<float>(256, 3));
  ops.for_each_row(norm_forward<layer_norm, float, float>{x.read(), hat.get(), scale.get(), y.get(), gain.read(), bias.read(), width}, 1);
  CHECK(y.values() == floats(256, 0.5f));
  ops.for_each_row(norm_forward<bert_layer_norm, float, float>{x.read(), hat.get(), scale.get(), y.get(), gain.read(), bias.read(), width}, 1);
  CHECK(y.values() == floats(256, 0.5f));
  ops.for_each_row(
      norm_backward<bert_layer_norm, float, float>{hat.read(), scale.read(), gain.read(), d.get(), nullptr, dgain.get(), dbias.get(), width}, 1);
  for (const float v : d.values()) CHECK(std::isfinite(v));
  CHECK(dgain.values() == floats(256, 0.0f));
}

namespace {
using floats = std::vector<float>;

/// The largest error of a float layer norm of this row, forward and backward, against its formula in double for the same numbers.
template <class Device> std::pair<double, double> layer_norm_errors(const floats& x, const floats& d) {
  typename backend_of<Device>::template ops<float, float> ops(small_options<Device>(false));
  const std::size_t n = x.size();
  const int width = static_cast<int>(n);
  on_device<decltype(ops), float> from(ops, x), hat(ops, floats(n)), scale(ops, floats(1)), y(ops, floats(n)), gain(ops, floats(n, 1.0f)),
      bias(ops, floats(n)), dgain(ops, floats(n)), dbias(ops, floats(n)), dx(ops, d);
  ops.for_each_row(norm_forward<layer_norm, float, float>{from.read(), hat.get(), scale.get(), y.get(), gain.read(), bias.read(), width}, 1);
  ops.for_each_row(norm_backward<layer_norm, float, float>{hat.read(), scale.read(), gain.read(), dx.get(), nullptr, dgain.get(), dbias.get(), width},
                   1);
  const list a(x.begin(), x.end()), g(d.begin(), d.end());
  double mean = 0, variance = 0, mean_g = 0, along = 0;
  for (std::size_t i = 0; i < n; ++i) mean += a[i] / double(n), mean_g += g[i] / double(n);
  for (std::size_t i = 0; i < n; ++i) variance += (a[i] - mean) * (a[i] - mean) / double(n);
  const double r = 1 / std::sqrt(variance + 1e-5);
  for (std::size_t i = 0; i < n; ++i) along += (g[i] - mean_g) * (a[i] - mean) * r / double(n);
  double forward = 0, backward = 0, largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double h = (a[i] - mean) * r, want = r * (g[i] - mean_g - h * along);
    forward = std::max(forward, std::abs(double(y.values()[i]) - h));
    backward = std::max(backward, std::abs(double(dx.values()[i]) - want)), largest = std::max(largest, std::abs(want));
  }
  return {forward, backward / largest};
}
floats moved(const floats& by, float to, float scale) {
  floats list;
  for (const float x : by) list.push_back(to + scale * x);
  return list;
}
}  // namespace

TEST_CASE_TEMPLATE("A layer norm does not round its mean: rows far from 0 are as exact as others, and so are gradients", Device, RAPTR_TEST_DEVICES) {
  floats steps;
  for (int i = 0; i < 16; ++i) steps.push_back(float(i) / 1000);
  const floats row = numbers<float>(768, 3), short_row = numbers<float>(16, 4), other = numbers<float>(768, 5), odd = numbers<float>(45, 6);
  const auto errors = [](const floats& x, const floats& d) { return layer_norm_errors<Device>(x, d); };
  CHECK(errors(moved(steps, 10000, 1), short_row).first < 1e-5);  // the first output was -1.414528 instead of -1.33133
  CHECK(errors(moved(steps, 10000, 1), short_row).second < 1e-5);
  for (const float far : {100.0f, -3000.0f, 1e5f, -1e6f}) {
    CAPTURE(far);
    CHECK(errors(moved(row, far, 10), other).first < 1e-5);
    CHECK(errors(moved(odd, far, 10), numbers<float>(45, 7)).first < 1e-5);
    CHECK(errors(row, moved(other, far, 10)).second < 1e-5);  // what all gradients of a row have in common passes no layer norm
    CHECK(errors(moved(odd, far, 10), moved(numbers<float>(45, 7), far, 10)).second < 2e-5);
  }
  floats outlier = row;
  outlier[0] = 1e4f;
  CHECK(errors(outlier, other).first < 1e-4);
  CHECK(errors(outlier, other).second < 1e-5);
}

TEST_CASE_TEMPLATE("The gradient of a likely target loses no digit: in bfloat16 and float, with weights, beside the formula in double", Device,
                   RAPTR_TEST_DEVICES) {
  typename backend_of<Device>::template ops<float, float> ops(small_options<Device>(false));
  const auto worst_error = [&]<class T>(T, float ahead, float weight, int vocab, int id) {
    std::vector<T> logits;
    list exact;
    for (const float x : numbers<float>(std::size_t(vocab), 11)) logits.push_back(T(x));
    logits[std::size_t(id)] = T(ahead);
    double sum = 0, of_target = 0, of_others = 0;
    for (const T x : logits) exact.push_back(double(float(x))), sum += std::exp(double(float(x)));
    on_device<decltype(ops), T> l(ops, logits);
    on_device<decltype(ops), float> weights(ops, floats{weight});
    on_device<decltype(ops), int> ids(ops, std::vector<int>{id});
    on_device<decltype(ops), double> out(ops, list(1));
    ops.for_each_row(cross_entropy<T, float>{l.get(), ids.read(), weights.read(), out.get(), 1.0f / 7, vocab, true}, 1);
    const std::vector<T> got = l.values();
    const double k = double(weight) / 7, likely = std::exp(exact[std::size_t(id)]) / sum, rest = [&] {
      double others = 0;
      for (int i = 0; i < vocab; ++i) others += i == id ? 0 : std::exp(exact[std::size_t(i)]);
      return others / sum;
    }();
    CHECK(out.values()[0] == doctest::Approx(-k * std::log(likely)).epsilon(1e-5));
    for (int i = 0; i < vocab; ++i) {
      const double want = i == id ? -k * rest : k * std::exp(exact[std::size_t(i)]) / sum;
      double& worst = i == id ? of_target : of_others;
      worst = std::max(worst, std::abs(double(float(got[std::size_t(i)])) - want) / std::abs(want));
    }
    return std::max(of_target, of_others / 2);
  };
  // A rounding to bfloat16 costs up to 2^-8; the others are rounded twice.
  for (const float ahead : {-4.0f, 0.0f, 6.0f, 9.0f, 12.0f, 20.0f})
    for (const auto& target : {std::tuple{1.0f, 50, 7}, {0.3f, 50, 0}, {2.5f, 1301, 1300}, {1.0f, 2, 1}}) {
      const float weight = std::get<0>(target);
      const int vocab = std::get<1>(target), id = std::get<2>(target);
      CAPTURE(ahead);
      CAPTURE(vocab);
      CHECK(worst_error(bfloat16(0), ahead, weight, vocab, id) < 0.00391);
      CHECK(worst_error(0.0f, ahead, weight, vocab, id) < 2e-6);
    }
}

TEST_CASE("The gradient of every activation is the difference quotient of its formula") {
  CHECK(activation_gap<gelu_tanh>() < 1e-7);
  CHECK(activation_gap<gelu_erf>() < 1e-7);
  CHECK(activation_gap<swish_gate>() < 1e-7);
  CHECK(activation_gap<gate<gelu_tanh>>() < 1e-7);
  CHECK(activation_gap<gate<gelu_erf>>() < 1e-7);
  for (const double x : {-1.0, 0.0, 3.0}) {  // its slope has a bend at 0
    double slope = 5;
    squared_relu::backward(&x, 1.5, &slope);
    CHECK(slope == (x > 0 ? 3 * x : 0));
  }
}

TEST_CASE("The activations have their known values") {
  const list one{1.0, 3.0};
  CHECK(gelu_erf::forward(one.data()) == doctest::Approx(0.841344746).epsilon(1e-9));
  CHECK(gelu_tanh::forward(one.data()) == doctest::Approx(0.841191991).epsilon(1e-9));
  CHECK(swish_gate::forward(one.data()) == doctest::Approx(3 / (1 + std::exp(-1.0))).epsilon(1e-12));
  CHECK(gate<gelu_erf>::forward(one.data()) == doctest::Approx(3 * 0.841344746).epsilon(1e-9));
  CHECK(gate<gelu_tanh>::forward(one.data()) == doctest::Approx(3 * 0.841191991).epsilon(1e-9));
  CHECK(squared_relu::forward(one.data() + 1) == 9);
  CHECK(std::isnan(squared_relu::forward(list{NAN}.data())));
  const std::vector<float> far{-1e30f, 2.0f};
  CHECK(squared_relu::forward(far.data()) == 0.0f);
  CHECK(gate<gelu_tanh>::forward(far.data()) == 0.0f);
  CHECK(gelu_tanh::forward(far.data()) == 0.0f);
  CHECK(gelu_erf::forward(far.data()) == 0.0f);
  CHECK(swish_gate::forward(far.data()) == 0.0f);
}

TEST_CASE_TEMPLATE("An activation reads its inputs from the rows of its unit and writes their gradients back there", Device, RAPTR_TEST_DEVICES) {
  machine<Device> on;
  const int units = 2, group = 3, rows = 4;
  const list pre = numbers<double>(48, 1), dh = numbers<double>(24, 2);
  auto p = on.put(pre), h = on.put(list(24)), d = on.put(dh), dp = on.put(list(48));
  on.ops.for_each_row(activate<swish_gate, double>{p.read(), h.get(), units, group}, rows);
  on.ops.for_each_row(activate_backward<swish_gate, double>{p.read(), d.read(), dp.get(), units, group}, rows);
  const list got = h.values(), back = dp.values();
  for (std::size_t r = 0; r < 4; ++r)
    for (std::size_t u = 0; u < 2; ++u)
      for (std::size_t i = 0; i < 3; ++i) {
        const std::size_t gate = ((r * 2 + u) * 2) * 3 + i, up = gate + 3, out = (r * 2 + u) * 3 + i;
        const list a{pre[gate], pre[up]};
        list da(2);
        swish_gate::backward(a.data(), dh[out], da.data());
        CHECK(got[out] == doctest::Approx(swish_gate::forward(a.data())));
        CHECK(back[gate] == doctest::Approx(da[0]));
        CHECK(back[up] == doctest::Approx(da[1]));
      }
}

TEST_CASE_TEMPLATE("The gradient of attention is the difference quotient of its formula: causal, from both sides, with a prefix", Device,
                   RAPTR_TEST_DEVICES) {
  machine<Device> on;
  const std::vector<segment> segments{{0, 4, 0}, {4, 3, 3}, {7, 5, 2}, {12, 1, 0}};
  on_device<decltype(on.ops), segment> placed(on.ops, segments);
  const segment_list where{segments.data(), placed.read(), 4};
  const head_shape heads{2, 1, 3};
  const std::size_t rows = 13, width = 6;
  const list qkv = numbers<double>(rows * 3 * width, 5), c = numbers<double>(rows * width, 6);
  const auto mixed_of = [&](const list& from) {
    auto x = on.put(from), mixed = on.put(list(rows * width)), lse = on.put(list(rows * 2));
    on.ops.attention(mixed.get(), lse.get(), x.read(), heads, where);
    return mixed.values();
  };
  auto x = on.put(qkv), mixed = on.put(list(rows * width)), lse = on.put(list(rows * 2)), d = on.put(c), dqkv = on.put(list(rows * 3 * width, 99.0));
  on.ops.attention(mixed.get(), lse.get(), x.read(), heads, where);
  on.ops.attention_backward(dqkv.get(), d.read(), mixed.read(), lse.read(), x.read(), heads, where);
  CHECK(gap_to_differences([&](const list& v) { return dot(c, mixed_of(v)); }, qkv, dqkv.values()) < 1e-8);
}

namespace {
constexpr model_shape part_shape{.layers = 1, .width = 6, .heads = 3, .neurons = 10, .neuron_group = 5, .vocab = 3, .context = 8};
constexpr model_shape shared_shape{.layers = 1, .width = 6, .heads = 3, .kv_heads = 1, .neurons = 32, .vocab = 3, .context = 8};

/// residual += factor f(x): gradients of x, of every weight, and what carry does.
constexpr model_shape one_head{.layers = 1, .width = 6, .heads = 1, .neurons = 10, .neuron_group = 5, .vocab = 3, .context = 8};

template <class Part, class Device> void part_has_its_gradient(int units, const model_shape& shape = part_shape) {
  machine<Device> on;
  using ops = decltype(on.ops);
  const std::vector<segment> segments{{0, 4, 0}, {4, 3, 3}};
  on_device<ops, segment> placed(on.ops, segments);
  const auto positions = on.put(std::vector<int>{2, 0, 7, 1, 3, 3, 5});
  const auto angles = on.put(rotary_table<rotary<raptr::half>, ops>::values(shape));
  const std::size_t rows = 7, size = rows * 6;
  const list x = numbers<double>(size, 1), start = numbers<double>(size, 2), c = numbers<double>(size, 3);
  std::vector<list> weights;
  std::vector<weight> declared = Part::weights(shape);
  for (std::size_t k = 0; k < declared.size(); ++k)
    weights.push_back(numbers<double>(std::size_t(declared[k].rows() * declared[k].width * (declared[k].per_unit ? units : 1)), 10 + k));
  constexpr std::size_t room = 1 << 16;
  const auto run = [&](const list& from, const std::vector<list>& values, std::vector<list>* gradients, double carry, list* dx, bool in_place) {
    std::vector<std::unique_ptr<on_device<ops, double>>> w, g;
    std::vector<matrix<const double>> wm;
    std::vector<matrix<double>> gm;
    for (std::size_t k = 0; k < values.size(); ++k) {
      w.push_back(std::make_unique<on_device<ops, double>>(on.ops, values[k]));
      g.push_back(std::make_unique<on_device<ops, double>>(on.ops, list(values[k].size(), 1.0)));
      const int height = int(values[k].size()) / declared[k].width;
      wm.push_back({w.back()->read(), height, declared[k].width}), gm.push_back({g.back()->get(), height, declared[k].width});
    }
    on_device<ops, char> memory(on.ops, std::vector<char>(room, char(0xff)));
    arena bytes(memory.get(), room);
    part_call<ops> call{on.ops, bytes, shape,        {segments.data(), placed.read(), 2}, positions.read(), std::int64_t(rows), 0, units,
                        0.7,    0.4,   angles.read()};
    typename Part::template saved<ops> saved;
    auto dev_x = on.put(from), residual = on.put(start);
    Part::template forward<ops, double>(call, wm.data(), saved, dev_x.read(), residual.get());
    const list out = residual.values();
    if (gradients) {
      auto d = on.put(c), grad = on.put(list(size, 3.0));
      Part::template backward<ops, double, double>(call, wm.data(), gm.data(), saved, dev_x.read(), d.read(), in_place ? d.get() : grad.get(), carry);
      *dx = in_place ? d.values() : grad.values();
      for (auto& one : g) {
        gradients->push_back(one->values());
        for (double& v : gradients->back()) v -= 1;  // += what was there
      }
    }
    return dot(c, out);
  };
  std::vector<list> g, again;
  list dx, carried, in_place;
  run(x, weights, &g, 0.0, &dx, false);
  run(x, weights, &again, 1.0, &carried, false);
  run(x, weights, &again, 1.0, &in_place, true);
  CHECK(gap_to_differences([&](const list& v) { return run(v, weights, nullptr, 0, nullptr, false); }, x, dx) < 1e-8);
  for (std::size_t i = 0; i < size; ++i) {
    CHECK(carried[i] == doctest::Approx(3.0 + dx[i]));
    CHECK(in_place[i] == doctest::Approx(c[i] + dx[i]));
  }
  for (std::size_t k = 0; k < weights.size(); ++k) {
    CAPTURE(declared[k].name);
    const auto loss = [&](const list& v) {
      auto moved = weights;
      moved[k] = v;
      return run(x, moved, nullptr, 0, nullptr, false);
    };
    CHECK(gap_to_differences(loss, weights[k], g[k]) < 1e-8);
  }
}
}  // namespace

TEST_CASE_TEMPLATE("Every part adds factor times its function to the residual and has the gradients of it", Device, RAPTR_TEST_DEVICES) {
  part_has_its_gradient<causal_attention, Device>(3);
  part_has_its_gradient<full_attention, Device>(2);
  part_has_its_gradient<causal_attention, Device>(1, shared_shape);
  part_has_its_gradient<attention<true, biases, rotary<raptr::half>>, Device>(1, one_head);
  part_has_its_gradient<attention<true, biases, rotary<interleaved>>, Device>(1, one_head);
  part_has_its_gradient<attention<true, biases, rotary<interleaved>>, Device>(1, shared_shape);
  model_shape large_eps = one_head;
  large_eps.norm_eps = 0.3;
  using normed = attention<true, no_biases, rotary<interleaved>, rms_norm>;
  part_has_its_gradient<normed, Device>(1, large_eps);
  part_has_its_gradient<normed, Device>(1, shared_shape);
  part_has_its_gradient<gelu_mlp, Device>(2);
  part_has_its_gradient<gelu_erf_mlp, Device>(1);
  part_has_its_gradient<squared_relu_mlp, Device>(2);
  part_has_its_gradient<geglu_mlp, Device>(2);
  part_has_its_gradient<swiglu_mlp, Device>(2);
  part_has_its_gradient<swiglu_mlp, Device>(2, shared_shape);
  part_has_its_gradient<experts, Device>(3);
}

namespace {
/// What is left of qkv after a turn; the same angles for each kind of pairs.
template <class Pairs, bool Back = false, class Machine>
list turned(Machine& on, const list& qkv, const std::vector<int>& positions, int groups, int queries, const model_shape& shape) {
  const auto rows = on.put(qkv), table = on.put(rotary_table<rotary<Pairs>, decltype(on.ops)>::values(shape));
  const auto at = on.put(positions);
  on.ops.for_each_row(rotate<Pairs, Back, double, double>{rows.get(), table.read(), at.read(), {groups, queries, shape.head_width()}},
                      std::int64_t(positions.size()));
  return rows.values();
}
}  // namespace

TEST_CASE_TEMPLATE("Rotary positions turn pairs of queries and keys by their position, and no values", Device, RAPTR_TEST_DEVICES) {
  machine<Device> on;
  const model_shape four{.layers = 1, .width = 4, .heads = 1, .vocab = 3, .context = 8};
  const list one{1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0};  // query, key, value
  const double c = std::cos(1.0), s = std::sin(1.0), slow = 0.01;
  CHECK(distance(turned<raptr::half>(on, one, {1}, 1, 1, four), list{c, 0, s, 0, 0, std::cos(slow), 0, std::sin(slow), 1, 0, 0, 0}) < 1e-15);
  CHECK(distance(turned<interleaved>(on, one, {1}, 1, 1, four), list{c, s, 0, 0, -s, c, 0, 0, 1, 0, 0, 0}) < 1e-15);
  CHECK(c == doctest::Approx(0.5403).epsilon(1e-4));
  CHECK(s == doctest::Approx(0.8415).epsilon(1e-4));

  // Two groups of two queries, each row at its own position; the way back undoes it.
  const list any = numbers<double>(3 * 2 * 4 * 4, 5);
  const std::vector<int> positions{6, 0, 3};
  const list there = turned<raptr::half>(on, any, positions, 2, 2, four);
  CHECK(distance(turned<raptr::half, true>(on, there, positions, 2, 2, four), any) < 1e-15);
  int moved = 0;
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t slot = 0; slot < 8; ++slot)
      for (std::size_t i = 0; i < 4; ++i) {
        const std::size_t at = (r * 8 + slot) * 4 + i, pair = i % 2;
        const double angle = positions[r] * (pair ? 0.01 : 1.0), a = any[at - i + pair], b = any[at - i + pair + 2];
        const double want = i < 2 ? std::cos(angle) * a - std::sin(angle) * b : std::sin(angle) * a + std::cos(angle) * b;
        CHECK(there[at] == doctest::Approx(slot % 4 == 3 ? any[at] : want).epsilon(1e-14));
        moved += there[at] != any[at];
      }
  CHECK(moved == 2 * 6 * 4);  // rows 0 and 2, six of eight slots
}

TEST_CASE("The row order 0 2 4 6 1 3 5 7 carries interleaved pairs into halves: the scores stay") {
  machine<host_device> on;
  const model_shape eight{.layers = 1, .width = 8, .heads = 1, .vocab = 3, .context = 8};
  const int order[] = {0, 2, 4, 6, 1, 3, 5, 7};
  const list meta = numbers<double>(2 * 3 * 8, 9);
  list ours = meta;
  for (std::size_t slot = 0; slot < 6; ++slot)
    for (std::size_t i = 0; i < 8; ++i) ours[slot * 8 + i] = meta[slot * 8 + std::size_t(order[i])];
  const auto score = [&](const list& qkv) {  // query of row 0, key of row 1
    double sum = 0;
    for (std::size_t i = 0; i < 8; ++i) sum += qkv[i] * qkv[32 + i];
    return sum;
  };
  const double want = score(turned<interleaved>(on, meta, {5, 2}, 1, 1, eight));
  CHECK(score(turned<raptr::half>(on, ours, {5, 2}, 1, 1, eight)) == doctest::Approx(want).epsilon(1e-14));
  CHECK(std::abs(score(turned<raptr::half>(on, meta, {5, 2}, 1, 1, eight)) - want) > 0.01);
}

TEST_CASE("Frequencies of rotary positions are base^(-2i/D), stretched as Hugging Face's linear and llama3 do") {
  const auto frequencies = [](double base, const rotary_scaling& by) {
    const model_shape s{.width = 64, .heads = 4, .rotary_base = base, .rotary_stretch = by};
    list all;
    for (int i = 0; i < 8; ++i) all.push_back(rotary<raptr::half>::frequency(s, i));
    return all;
  };
  list plain, linear;
  for (int i = 0; i < 8; ++i) plain.push_back(std::pow(10'000.0, -i / 8.0)), linear.push_back(plain.back() / 4);
  CHECK(frequencies(0, {}) == frequencies(10'000, {}));
  CHECK(distance(frequencies(0, {}), plain) < 1e-15);
  CHECK(distance(frequencies(0, {.factor = 4}), linear) < 1e-15);
  // transformers 5.24, ROPE_INIT_FUNCTIONS["llama3"], in float
  const list llama3{1.0,
                    0.193922758102417,
                    0.03760603070259094,
                    0.00729266507551074,
                    0.0005248460220173001,
                    3.428102354519069e-05,
                    6.647869668086059e-06,
                    1.289173155782919e-06};
  const list ours = frequencies(500'000, {.factor = 8, .context = 8192});
  for (std::size_t i = 0; i < 8; ++i) CHECK(ours[i] == doctest::Approx(llama3[i]).epsilon(3e-7));
}

TEST_CASE("Buckets of relative positions are those of T5") {
  using border = std::pair<int, int>;  // the first distance of a bucket, and the bucket
  const auto borders = [](auto positions) {
    std::vector<border> all;
    for (int distance = -300; distance <= 300; ++distance)
      if (const int bucket = decltype(positions)::bucket(distance); all.empty() || all.back().second != bucket) all.push_back({distance, bucket});
    return all;
  };
  // transformers 5.24, T5Attention._relative_position_bucket
  const std::vector<border> encoder{{-300, 15}, {-90, 14}, {-63, 13}, {-45, 12}, {-31, 11}, {-22, 10}, {-15, 9}, {-11, 8}, {-7, 7}, {-6, 6}, {-5, 5},
                                    {-4, 4},    {-3, 3},   {-2, 2},   {-1, 1},   {0, 0},    {1, 17},   {2, 18},  {3, 19},  {4, 20}, {5, 21}, {6, 22},
                                    {7, 23},    {8, 24},   {12, 25},  {16, 26},  {23, 27},  {32, 28},  {46, 29}, {64, 30}, {91, 31}};
  std::vector<border> decoder{{-300, 31}, {-112, 30}, {-98, 29}, {-86, 28}, {-76, 27}, {-66, 26}, {-58, 25}, {-51, 24},
                              {-45, 23},  {-39, 22},  {-34, 21}, {-30, 20}, {-26, 19}, {-23, 18}, {-20, 17}, {-18, 16}};
  for (int near = 15; near >= 0; --near) decoder.push_back({-near, near});
  CHECK(borders(t5_encoder_positions{}) == encoder);
  CHECK(borders(t5_decoder_positions{}) == decoder);
}

TEST_CASE_TEMPLATE("A table of buckets is spread to distances, for the kept heads, and its gradient is gathered", Device, RAPTR_TEST_DEVICES) {
  machine<Device> on;
  using ops = decltype(on.ops);
  using positions = relative_buckets<true, 8, 6>;
  const int context = 9, distances = 17, queries = 2, kept = 2, segments = 3, heads = kept * queries;
  const std::vector<int> numbers_of_groups{0, 2}, index = bucket_index<positions, ops>::values(context);
  const list table = numbers<double>(3 * queries * 8, 1), d = numbers<double>(std::size_t(segments * heads * distances), 2);
  const auto where = on.put(index), groups = on.put(numbers_of_groups);
  const auto from = on.put(table), offsets = on.put(list(std::size_t(heads * distances), 9)), gradient = on.put(table), given = on.put(d);
  on.ops.for_each_row(spread_buckets<double>{offsets.get(), from.read(), where.read(), groups.read(), queries, 8, distances}, heads);
  on.ops.for_each_row(gather_buckets<double>{gradient.get(), given.read(), where.read(), groups.read(), heads, queries, 8, distances, segments},
                      heads * 8);
  list want = table;
  for (int h = 0; h < heads; ++h)
    for (int i = 0; i < distances; ++i) {
      const int row = numbers_of_groups[std::size_t(h / queries)] * queries + h % queries, at = row * 8 + positions::bucket(i + 1 - context);
      CHECK(offsets.values()[std::size_t(h * distances + i)] == table[std::size_t(at)]);
      for (int s = 0; s < segments; ++s) want[std::size_t(at)] += d[std::size_t((s * heads + h) * distances + i)];
    }
  CHECK(distance(gradient.values(), want) < 1e-14);
}

TEST_CASE_TEMPLATE("Queries and keys become their RMS norm times their gain, with the epsilon of the shape; values stay", Device,
                   RAPTR_TEST_DEVICES) {
  machine<Device> on;
  using ops = decltype(on.ops);
  model_shape shape = shared_shape;  // one group: three queries, a key and a value of two numbers
  shape.norm_eps = 0.3;
  const list qkv = numbers<double>(2 * 5 * 2, 4), query_gain{2, 3}, key_gain{5, 7};
  auto x = on.put(qkv), q = on.put(query_gain), k = on.put(key_gain);
  const matrix<const double> gains[] = {{q.read(), 2, 1}, {k.read(), 2, 1}};
  on_device<ops, char> memory(on.ops, std::vector<char>(1 << 12));
  arena bytes(memory.get(), 1 << 12);
  part_call<ops> call{on.ops, bytes, shape, {}, nullptr, 2, 0, 1, 1, 1};
  const head_shape heads{1, 3, 2};
  const auto saved = head_norm_layer<rms_norm, ops>::keep(call, heads);
  on.ops.for_each_row(head_norm_layer<rms_norm, ops>::forward(call, gains, saved, heads, x.get()), 2);
  const list got = x.values();
  for (std::size_t slot = 0; slot < 10; ++slot) {
    const double a = qkv[2 * slot], b = qkv[2 * slot + 1], scale = 1 / std::sqrt((a * a + b * b) / 2 + 0.3);
    const list& gain = slot % 5 == 3 ? key_gain : query_gain;
    CHECK(got[2 * slot] == doctest::Approx(slot % 5 == 4 ? a : a * scale * gain[0]));
    CHECK(got[2 * slot + 1] == doctest::Approx(slot % 5 == 4 ? b : b * scale * gain[1]));
  }
}

TEST_CASE_TEMPLATE("A number is dropped by its counter: Philox of quarter, row, sequence and place", Device, RAPTR_TEST_DEVICES) {
  machine<Device> on;
  const std::vector<int> row_places{0, 0, 0, 1, 3, 0, 70000, 40}, some_rows{3, 1, 2};
  const auto places = on.put(row_places), rows = on.put(some_rows);
  for (const int width : {1, 6, 8, 37})
    for (const bool some : {false, true}) {
      CAPTURE(width);
      const dropout_mask mask{.rate = 0.25, .key = {7, 9}, .place = 5, .row_places = places.read(), .rows = some ? rows.read() : nullptr};
      const std::size_t count = some ? 3 : 4, size = count * std::size_t(width);
      const list values = numbers<double>(size, 3);
      auto from = on.put(values), to = on.put(list(size, 77.0));
      on.ops.for_each_row(drop_rows<double>{to.get(), from.read(), mask, width}, std::int64_t(count));
      on.ops.for_each_row(drop_rows<double>{from.get(), from.read(), mask, width}, std::int64_t(count));  // in place
      const list got = to.values();
      CHECK(from.values() == got);
      const int quarter = (width + 3) / 4;
      for (std::size_t r = 0; r < count; ++r)
        for (int k = 0; k < width; ++k) {
          const std::size_t row = some ? std::size_t(some_rows[r]) : r, at = r * std::size_t(width) + std::size_t(k);
          const auto words =
              philox({std::uint32_t(k % quarter), std::uint32_t(row_places[2 * row + 1]), std::uint32_t(row_places[2 * row]), 5}, {7, 9});
          const double want = words[std::size_t(k / quarter)] >= 0x40000000u ? values[at] / 0.75 : 0;
          CHECK(got[at] == doctest::Approx(want).epsilon(1e-15));
        }
    }
}

TEST_CASE_TEMPLATE("An embedding is the sum of two rows, and its gradient the sum over all rows that read it", Device, RAPTR_TEST_DEVICES) {
  machine<Device> on;
  batch b;
  b.ids = {4, 1, 4, 0, 4}, b.add_segment(3, 0), b.add_segment(2, 0);
  step_table table;
  table.lower(b, step_plan(layout_of<gpt64>(tiny)));
  auto words = on.put(table.words());
  auto weights = on.put(std::vector<float>{});
  const device_batch sent{table, words.read(), weights.read()};
  const list tokens = numbers<double>(10, 1), places = numbers<double>(6, 2), d = numbers<double>(10, 3);
  auto t = on.put(tokens), p = on.put(places), x = on.put(list(10)), dx = on.put(d), gt = on.put(list(10, 1.0)), gp = on.put(list(6));
  on.ops.for_each_row(embed<double>{x.get(), t.read(), p.read(), words.read() + table.ids_at, words.read() + table.positions_at, 2}, 5);
  on.ops.for_each_row(gather_into(gt.get(), dx.read(), sent, table.by_id, 2), table.by_id.count);
  on.ops.for_each_row(gather_into(gp.get(), dx.read(), sent, table.by_position, 2), table.by_position.count);
  CHECK(table.by_id.count == 3);
  CHECK(table.by_position.count == 3);
  const list got = x.values(), g = gt.values(), h = gp.values();
  for (std::size_t r = 0; r < 5; ++r)
    for (std::size_t i = 0; i < 2; ++i) CHECK(got[r * 2 + i] == tokens[std::size_t(b.ids[r]) * 2 + i] + places[std::size_t(b.positions[r]) * 2 + i]);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(g[8 + i] == doctest::Approx(1 + d[i] + d[4 + i] + d[8 + i]));
    CHECK(g[2 + i] == doctest::Approx(1 + d[2 + i]));
    CHECK(g[0 + i] == doctest::Approx(1 + d[6 + i]));
    CHECK(g[4 + i] == 1);
    CHECK(h[0 + i] == doctest::Approx(d[i] + d[6 + i]));
    CHECK(h[4 + i] == doctest::Approx(d[4 + i]));
  }
}

TEST_CASE_TEMPLATE("One row is added to every row, and its gradient is the sum over all rows", Device, RAPTR_TEST_DEVICES) {
  machine<Device> on;
  const std::size_t rows = 37, width = 5;
  const list before = numbers<double>(rows * width, 1), one = numbers<double>(width, 2), start = numbers<double>(width, 3);
  auto x = on.put(before), row = on.put(one), g = on.put(start);
  on.ops.for_each_row(add_to_rows_backward<double, double>{x.read(), g.get(), int(width)}, rows);
  on.ops.for_each_row(add_to_rows<double>{x.get(), row.read(), int(width)}, rows);
  const list after = x.values(), sums = g.values();
  for (std::size_t i = 0; i < width; ++i) {
    double sum = start[i];
    for (std::size_t r = 0; r < rows; ++r) {
      CHECK(after[r * width + i] == before[r * width + i] + one[i]);
      sum += before[r * width + i];
    }
    CHECK(sums[i] == doctest::Approx(sum));
  }
}

TEST_CASE_TEMPLATE("Cross-entropy is -log softmax times weight and scale, and leaves its gradient in the logits", Device, RAPTR_TEST_DEVICES) {
  machine<Device> on;
  const list l = numbers<double>(12, 8);
  const std::vector<int> ids{2, 0, 3};
  const std::vector<float> weights{1.0f, 2.0f, 0.5f};
  auto where = on.put(ids);
  auto how = on.put(weights);
  const auto run = [&](const list& from, list* gradient) {
    auto logits = on.put(from), loss = on.put(list(3, 77.0)), total = on.put(list(1, 4.0));
    on.ops.for_each_row(cross_entropy<double, double>{logits.get(), where.read(), how.read(), loss.get(), 0.25, 4, gradient != nullptr}, 3);
    on.ops.for_each_row(sum_rows{loss.read(), total.get()}, 3);
    if (gradient) *gradient = logits.values();
    return total.values()[0] - 4.0;
  };
  list g;
  double expected = 0;
  for (std::size_t r = 0; r < 3; ++r) {
    double sum = 0;
    for (std::size_t i = 0; i < 4; ++i) sum += std::exp(l[r * 4 + i]);
    expected += 0.25 * double(weights[r]) * (std::log(sum) - l[r * 4 + std::size_t(ids[r])]);
  }
  CHECK(run(l, &g) == doctest::Approx(expected).epsilon(1e-12));
  CHECK(run(l, nullptr) == doctest::Approx(expected).epsilon(1e-12));
  CHECK(gap_to_differences([&](const list& v) { return run(v, nullptr); }, l, g) < 1e-8);
}

TEST_CASE_TEMPLATE("Label smoothing and the z loss are what PyTorch and PaLM define, with their gradient; an evaluation is plain", Device,
                   RAPTR_TEST_DEVICES) {
  machine<Device> on;
  const list l = numbers<double>(15, 8);
  const std::vector<int> ids{2, 0, 4};
  const std::vector<float> weights{1.0f, 2.0f, 0.5f};
  auto where = on.put(ids);
  auto how = on.put(weights);
  const auto run = [&]<class Loss>(Loss, const list& from, bool with_gradient, list* gradient = nullptr) {
    auto logits = on.put(from), loss = on.put(list(3, 77.0)), total = on.put(list(1, 4.0));
    using kernel = typename Loss::template kernel<double, double>;
    on.ops.for_each_row(kernel{logits.get(), where.read(), how.read(), loss.get(), 0.25, 5, with_gradient}, 3);
    on.ops.for_each_row(sum_rows{loss.read(), total.get()}, 3);
    if (gradient) *gradient = logits.values();
    return total.values()[0] - 4.0;
  };
  const auto check = [&](auto loss, double e, double z_factor) {
    double expected = 0;
    for (std::size_t r = 0; r < 3; ++r) {
      double sum = 0, mean = 0;
      for (std::size_t i = 0; i < 5; ++i) sum += std::exp(l[r * 5 + i]), mean += l[r * 5 + i] / 5;
      const double z = std::log(sum);
      expected += 0.25 * double(weights[r]) * (z - (1 - e) * l[r * 5 + std::size_t(ids[r])] - e * mean + z_factor * z * z);
    }
    list g;
    CHECK(run(loss, l, true, &g) == doctest::Approx(expected).epsilon(1e-12));
    CHECK(gap_to_differences([&](const list& v) { return run(loss, v, true); }, l, g) < 1e-8);
    CHECK(run(loss, l, false) == run(softmax_loss{}, l, false));
  };
  check(label_smoothing<std::ratio<1, 10>>{}, 0.1, 0);
  check(z_loss<std::ratio<1, 4>>{}, 0, 0.25);
  check(label_smoothing<std::ratio<1, 5>, std::ratio<1, 3>>{}, 0.2, 1.0 / 3);
  CHECK(run(label_smoothing<std::ratio<0>>{}, l, true) == doctest::Approx(run(softmax_loss{}, l, true)).epsilon(1e-14));
}

TEST_CASE_TEMPLATE("Losses of rows are added to those of their groups, and to no other", Device, RAPTR_TEST_DEVICES) {
  machine<Device> on;
  const int rows = 1000, groups = 5;
  list losses = numbers<double>(rows, 7), expected{1, 2, 3, 4, 5};
  std::vector<int> of;
  for (int r = 0; r < rows; ++r) of.push_back(r % 7 % 3 + 2 * (r % 2)), expected[std::size_t(of.back())] += losses[std::size_t(r)];
  losses[999] = NAN;
  auto values = on.put(losses), totals = on.put(list{1, 2, 3, 4, 5});
  auto numbers_of = on.put(of);
  on.ops.for_each_row(sum_rows_by_group{values.read(), numbers_of.read(), totals.get(), groups}, rows);
  const list got = totals.values();
  for (int g = 0; g < groups; ++g)
    if (g == of[999])
      CHECK(std::isnan(got[std::size_t(g)]));
    else
      CHECK(got[std::size_t(g)] == doctest::Approx(expected[std::size_t(g)]).epsilon(1e-12));
}

TEST_CASE_TEMPLATE("Large logits overflow nothing", Device, RAPTR_TEST_DEVICES) {
  typename backend_of<Device>::template ops<float, float> ops(small_options<Device>(false));
  const std::vector<float> logits{-249.87f, -424.13f, -460.29f, 378.10f, -292.61f};
  for (const auto& [id, loss] : {std::pair{3, 0.0}, {0, 627.97}}) {
    on_device<decltype(ops), float> l(ops, logits), weight(ops, std::vector<float>{1.0f});
    on_device<decltype(ops), int> ids(ops, std::vector<int>{id});
    on_device<decltype(ops), double> out(ops, list(1));
    ops.for_each_row(cross_entropy<float, float>{l.get(), ids.read(), weight.read(), out.get(), 1.0f, 5, true}, 1);
    CHECK(out.values()[0] == doctest::Approx(loss).epsilon(1e-6));
    float sum = 0;
    for (const float g : l.values()) {
      CHECK(std::isfinite(g));
      sum += g;
    }
    CHECK(sum == 0.0f);
    CHECK(l.values()[3] == (id == 3 ? 0.0f : 1.0f));
  }
}

TEST_CASE_TEMPLATE("Rows are copied, cleared and blended where the indices say", Device, RAPTR_TEST_DEVICES) {
  machine<Device> on;
  auto from = on.put(list{1, 2, 3, 4, 5, 6}), to = on.put(list(6, 9.0));
  auto index = on.put(std::vector<int>{2, 0});
  on.ops.for_each_row(copy_rows<double>{to.get(), from.read(), nullptr, index.read(), 2}, 2);
  CHECK(to.values() == list{5, 6, 1, 2, 9, 9});
  on.ops.for_each_row(copy_rows<double>{to.get(), from.read(), index.read(), nullptr, 2}, 2);
  CHECK(to.values() == list{3, 4, 1, 2, 1, 2});
  on.ops.for_each_row(blend_rows<double>{to.get(), from.read(), 2.0, -1.0, 2}, 3);
  CHECK(to.values() == list{-1, 0, 5, 6, 9, 10});
  on.ops.for_each_row(zero_rows<double>{to.get(), 2}, 2);
  CHECK(to.values() == list{0, 0, 0, 0, 9, 10});
}
