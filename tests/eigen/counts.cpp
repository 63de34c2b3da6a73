// SPDX-License-Identifier: Apache-2.0
// Who computed? Eigen states what its expressions need of their operands by eigen_assert, which a program may define: here it counts.
// On raptr::eigen every operation counts, the more rows the more; on raptr::cpu, in the same program, none does.
#include <cstddef>
#include <string>
#include <type_traits>

namespace counts {
inline std::size_t expressions = 0, broken = 0;
constexpr void count(bool holds) {
  if (!std::is_constant_evaluated()) ++expressions, broken += !holds;
}
}  // namespace counts
#define eigen_assert(condition) ::counts::count(static_cast<bool>(condition))

#include <raptr/backend/cpu.hpp>
#include <raptr/backend/eigen.hpp>
#include <raptr/backend/param_range_list.hpp>

#include <doctest/doctest.h>

#include <raptr/nn/layers/activation.hpp>
#include <raptr/nn/layers/cross_entropy.hpp>
#include <raptr/nn/layers/norm.hpp>
#include <raptr/optim/adamw.hpp>

#include "on_device.hpp"

namespace {
using namespace raptr;
using namespace raptr::testing;

constexpr int width = 48, rows = 64;

/// Arrays of one device for operations on up to `most` rows.
template <class Device> struct bench {
  static constexpr std::size_t most = 16 * rows;
  using ops_type = typename backend_of<Device>::template ops<float, float>;
  using array = on_device<ops_type, float>;
  ops_type ops{cpu_options{.threads = 1}};
  array x{ops, numbers<float>(most * 3 * width, 1)}, y{ops, numbers<float>(most * 3 * width, 2)}, z{ops, numbers<float>(most * 3 * width, 3)},
      w{ops, numbers<float>(width*width, 4)}, v{ops, numbers<float>(width, 5)}, statistics{ops, numbers<float>(most * 4, 6)},
      second_moment{ops, std::vector<float>(most*width, 0.5f)};
  on_device<ops_type, int> ids{ops, std::vector<int>(most, 3)};
  on_device<ops_type, double> losses{ops, std::vector<double>(most)};

  /// Eigen's expressions in f(rows).
  template <class F> std::size_t counted(F f, int n) {
    const std::size_t before = counts::expressions;
    f(n);
    return counts::expressions - before;
  }
};

template <class T> struct adamw_step {
  static constexpr bool on_arrays = true;
  using per_unit = unit_scalars<T>;
  per_unit begin(const param_range&, int) const { return {T(0.1), T(0), 1, T(1), T(1)}; }
  template <class V> void operator()(const per_unit& u, V& w, const V& g, V& m, V& v) const { adamw{}.update(u, w, g, m, v); }
};

template <class Device, class Check> void each_operation(Check check) {
  bench<Device> on;
  auto& ops = on.ops;
  const matrix<const float> weight{on.w.read(), width, width};
  const auto run = [&](const std::string& name, auto f) {
    CAPTURE(name);
    on.counted(f, rows);  // what is done once
    check(name.starts_with("product"), on.counted(f, rows), on.counted(f, 4 * rows), on.counted(f, 16 * rows));
  };
  run("product with W transposed", [&](int n) { ops.matmul_nt(on.y.get(), on.x.read(), weight, on.v.read(), n, 0.5, no_epilogue{}); });
  run("product with W", [&](int n) { ops.matmul_nn(on.y.get(), on.x.read(), weight, n, 0.5, 1, on.v.read(), 1); });
  run("norm", [&](int n) {
    ops.for_each_row(
        norm_forward<layer_norm, float, float>{on.x.read(), on.y.get(), on.statistics.get(), on.z.get(), on.v.read(), on.v.read(), width}, n);
  });
  run("gradient of a norm", [&](int n) {
    ops.for_each_row(norm_backward<layer_norm, float, float>{on.y.read(), on.statistics.read(), on.v.read(), on.z.get(), nullptr, on.w.get(),
                                                             on.w.get() + width, width},
                     n);
  });
  run("RMS norm", [&](int n) {
    ops.for_each_row(norm_forward<rms_norm, float, float>{on.x.read(), on.y.get(), on.statistics.get(), on.z.get(), on.v.read(), nullptr, width}, n);
  });
  run("activation", [&](int n) { ops.for_each_row(activate<gelu_tanh, float>{on.x.read(), on.y.get(), 4, width / 4}, n); });
  run("gradient of an activation", [&](int n) {
    ops.for_each_row(activate_backward<gelu_tanh, float>{on.x.read(), on.y.read(), on.z.get(), 4, width / 4}, n);
  });
  run("gated activation", [&](int n) { ops.for_each_row(activate<swish_gate, float>{on.x.read(), on.y.get(), 1, width}, n); });
  run("softmax and its loss", [&](int n) {
    ops.for_each_row(cross_entropy<float, float>{on.x.get(), on.ids.read(), on.statistics.read(), on.losses.get(), 1.0f, width, true}, n);
  });
  const head_shape heads{2, 1, 24};
  const auto sequences = [](int n) {
    std::vector<segment> list;
    for (int first = 0; first < n; first += 32) list.push_back({first, 32, 0});
    return list;
  };
  run("attention", [&](int n) {
    const auto list = sequences(n);
    ops.attention(on.y.get(), on.statistics.get(), on.x.read(), heads, {list.data(), list.data(), int(list.size())});
  });
  run("gradient of attention", [&](int n) {
    const auto list = sequences(n);
    ops.attention_backward(on.z.get(), on.y.read(), on.y.read(), on.statistics.read(), on.x.read(), heads,
                           {list.data(), list.data(), int(list.size())});
  });
  buffer<param_range, typename bench<Device>::ops_type> ranges(ops);
  run("AdamW", [&](int n) {
    param_range_list list;
    list.push_back({.first = 0, .packed = 0, .length = n * width, .per_unit = width, .unit = 0, .tensor = 0, .decays = true});
    ops.elementwise(adamw_step<float>{}, uploaded_ranges(list, ranges), on.y.get(), packed_array<const float>{on.x.read()}, on.z.get(),
                    on.second_moment.get());
  });
}

TEST_CASE("Eigen does every operation of raptr::eigen, on all rows") {
  counts::broken = 0;
  each_operation<eigen>([](bool in_blocks, std::size_t few, std::size_t more, std::size_t many) {
    CHECK(few > 0);
    CHECK(more > few);
    // Each row is an expression of its own, each sequence some; rows of a product are many in one.
    CHECK(many > (in_blocks ? more : 3 * more));
    CHECK(many < 5 * more);
  });
  CHECK(counts::broken == 0);
}

TEST_CASE("The gradient of a weight matrix on raptr::eigen is Eigen's") {
  bench<eigen> on;
  const matrix<float> gradient{on.w.get(), width, width};
  const std::size_t count =
      on.counted([&](int n) { on.ops.matmul_tn(gradient, on.x.read(), on.y.read(), n, 1, on.v.get(), static_cast<float*>(nullptr), 0); }, rows);
  CHECK(count > 0);
  CHECK(counts::broken == 0);
}

TEST_CASE("Eigen does nothing on raptr::cpu") {
  each_operation<cpu>([](bool, std::size_t few, std::size_t more, std::size_t many) { CHECK(few + more + many == 0); });
}

}  // namespace
