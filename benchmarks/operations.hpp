// SPDX-License-Identifier: Apache-2.0
// The operations of a device on the CPU as benchmarks: products and attention as a share of the multiply-add peak of their threads,
// everything else in bytes per second. The peak is measured in this process.
#pragma once

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <raptr/backend/cpu/peak.hpp>
#include <raptr/backend/ops.hpp>
#include <raptr/nn/layers/activation.hpp>
#include <raptr/nn/layers/cross_entropy.hpp>
#include <raptr/nn/layers/norm.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/optim/optimizer.hpp>

namespace raptr::benchmarks {

inline std::vector<float> host_numbers(std::int64_t n) {
  std::vector<float> list(std::size_t(n), 0.0f);
  for (std::size_t i = 0; i < list.size(); ++i) list[i] = float(int(i * 2654435761u >> 8 & 1023u) - 512) / 512.0f;
  return list;
}
inline void share_of_peak(benchmark::State& state, double flops, int threads) {
  static const double peak = cpu_backend::measured_fma_peak();
  const double rate = flops * double(state.iterations());
  state.counters["of_peak"] = benchmark::Counter(rate / (peak * threads), benchmark::Counter::kIsRate);
  state.counters["flop/s"] = benchmark::Counter(rate, benchmark::Counter::kIsRate);
}
struct product_shape {
  explicit product_shape(const benchmark::State& s) : n(s.range(0)), rows(int(s.range(1))), columns(int(s.range(2))), threads(int(s.range(3))) {}
  double flops() const { return 2.0 * double(n) * rows * columns; }
  std::int64_t n;
  int rows, columns, threads;
};

inline void product_shapes(benchmark::internal::Benchmark* b) {
  const std::vector<std::array<std::int64_t, 3>> shapes{{2048, 768, 256},  {2048, 256, 256}, {2048, 1024, 256}, {256, 8192, 256},
                                                        {2048, 8192, 256}, {2048, 768, 768}, {2048, 3072, 768}};
  for (int threads : {1, 2})
    for (const auto& [n, rows, columns] : shapes) b->Args({n, rows, columns, threads});
  b->ArgNames({"n", "R", "C", "threads"})->UseRealTime()->MinTime(0.1);
}

inline void by_threads(benchmark::internal::Benchmark* b) { b->Arg(1)->Arg(2)->ArgName("threads")->UseRealTime()->MinTime(0.1); }

template <class Ops> struct operations {
  /// Allocates with the backend, as in training, so that large arrays are on huge pages.
  static float* numbers(Ops& ops, std::int64_t n) {
    const std::vector<float> host = host_numbers(n);
    float* const device = ops.template allocate<float>(host.size());
    ops.upload(device, host.data(), host.size());
    return device;
  }
  static void matmul_nt(benchmark::State& state) {
    const product_shape s(state);
    Ops ops({.threads = s.threads});
    const auto x = numbers(ops, s.n * s.columns), w = numbers(ops, std::int64_t(s.rows) * s.columns), bias = numbers(ops, s.rows);
    const auto y = numbers(ops, s.n * s.rows);
    for (auto _ : state) ops.matmul_nt(y, x, {w, s.rows, s.columns}, bias, s.n, 1, no_epilogue{});
    share_of_peak(state, s.flops(), s.threads);
  }
  static void matmul_nt_gelu(benchmark::State& state) {
    const product_shape s(state);
    Ops ops({.threads = s.threads});
    const auto x = numbers(ops, s.n * s.columns), w = numbers(ops, std::int64_t(s.rows) * s.columns), bias = numbers(ops, s.rows);
    const auto y = numbers(ops, s.n * s.rows), h = numbers(ops, s.n * s.rows);
    for (auto _ : state) ops.matmul_nt(y, x, {w, s.rows, s.columns}, bias, s.n, 1, activate<gelu_tanh, float>{y, h, 1, s.rows});
    share_of_peak(state, s.flops(), s.threads);
  }
  static void matmul_nn(benchmark::State& state) {
    const product_shape s(state);
    Ops ops({.threads = s.threads});
    const auto a = numbers(ops, s.n * s.rows), w = numbers(ops, std::int64_t(s.rows) * s.columns), bias = numbers(ops, s.columns);
    const auto y = numbers(ops, s.n * s.columns);
    for (auto _ : state) ops.matmul_nn(y, a, {w, s.rows, s.columns}, s.n, 1, 0.5, bias, 1);
    share_of_peak(state, s.flops(), s.threads);
  }
  static void matmul_tn(benchmark::State& state) {
    const product_shape s(state);
    Ops ops({.threads = s.threads});
    const auto a = numbers(ops, s.n * s.rows), x = numbers(ops, s.n * s.columns);
    const auto g = numbers(ops, std::int64_t(s.rows) * s.columns), a_sum = numbers(ops, s.rows), x_sum = numbers(ops, s.columns);
    for (auto _ : state) ops.matmul_tn({g, s.rows, s.columns}, a, x, s.n, 1, a_sum, x_sum, 1);
    share_of_peak(state, s.flops(), s.threads);
  }

  // D = 64, 2,048 rows, 4 groups of one query head.
  static void attention(benchmark::State& state) {
    const int length = int(state.range(0)), prefix = state.range(1) ? length : 0, threads = int(state.range(2)), count = 2048 / length;
    const bool backward = state.range(3);
    Ops ops({.threads = threads});
    std::vector<segment> list;
    for (int i = 0; i < count; ++i) list.push_back({i * length, length, prefix});
    const segment_list segments{list.data(), list.data(), count};
    const head_shape heads{4, 1, 64};
    const auto qkv = numbers(ops, 2048 * 768), dmixed = numbers(ops, 2048 * 256);
    const auto mixed = numbers(ops, 2048 * 256), lse = numbers(ops, 2048 * 4), dqkv = numbers(ops, 2048 * 768);
    ops.attention(mixed, lse, qkv, heads, segments);
    for (auto _ : state)
      if (backward)
        ops.attention_backward(dqkv, dmixed, mixed, lse, qkv, heads, segments);
      else
        ops.attention(mixed, lse, qkv, heads, segments);
    const double seen = prefix ? double(length) : (length + 1) / 2.0;
    share_of_peak(state, (backward ? 10.0 : 4.0) * 2048 * 4 * 64 * seen, threads);
  }

  template <class Make> static void rows(benchmark::State& state, std::int64_t n, int width, double arrays, Make make) {
    Ops ops({.threads = int(state.range(0))});
    const auto in = numbers(ops, n * width), out = numbers(ops, n * width), more = numbers(ops, n * width),
               column = numbers(ops, 4 * std::int64_t{width});
    for (auto _ : state) ops.for_each_row(make(in, out, more, column), n);
    state.SetBytesProcessed(std::int64_t(double(state.iterations()) * arrays * 4.0 * double(n) * width));
  }
  static void rows_gelu(benchmark::State& state) {
    rows(state, 2048, 1024, 2, [](const float* in, float* out, float*, float*) { return activate<gelu_tanh, float>{in, out, 1, 1024}; });
  }
  static void rows_gelu_backward(benchmark::State& state) {
    rows(state, 2048, 1024, 3, [](const float* in, float* out, float* more, float*) {
      return activate_backward<gelu_tanh, float>{in, more, out, 1, 1024};
    });
  }
  static void rows_layer_norm(benchmark::State& state) {
    static std::vector<float> scale(2048);
    rows(state, 2048, 256, 3, [](const float* in, float* out, float* more, float* column) {
      return norm_forward<layer_norm, float, float>{in, more, scale.data(), out, column, column + 256, 256};
    });
  }
  static void rows_layer_norm_backward(benchmark::State& state) {
    static std::vector<float> scale(2048, 1.0f);
    rows(state, 2048, 256, 4, [](const float* in, float* out, float* more, float* column) {
      return norm_backward<layer_norm, float, float>{in, scale.data(), column, out, more, column + 256, column + 512, 256};
    });
  }
  static void rows_cross_entropy(benchmark::State& state) {
    static std::vector<int> ids(512, 3);
    static std::vector<float> weights(512, 1.0f);
    static std::vector<double> loss(512);
    rows(state, 512, 8192, 4, [](const float*, float* out, float*, float*) {
      return cross_entropy<float, float>{out, ids.data(), weights.data(), loss.data(), 1.0f, 8192, true};
    });
  }
  static void elementwise_adamw(benchmark::State& state) {
    const std::int64_t n = 12'000'000;
    Ops ops({.threads = int(state.range(0))});
    const std::vector<param_range> ranges{{0, 0, n, n / 12, 0, 0, true}};
    const std::vector<int> counts(12, 3);
    std::vector<double> results{1.0, 4.0};
    const auto w = numbers(ops, n), g = numbers(ops, n), m = numbers(ops, n), v = numbers(ops, n);
    ops.elementwise(fill_zero{}, {ranges.data(), 1, chunks_of(n)}, v);
    const update<adamw, float, update_kind::with_gradient> step{adamw{}, step_results(results.data()), counts.data(), 1e-4, 1e-4, 1.0};
    for (auto _ : state) ops.elementwise(step, {ranges.data(), 1, chunks_of(n)}, w, packed_array<const float>{g}, m, v);
    state.SetBytesProcessed(state.iterations() * n * 28);
  }
  static void sum_of_squares(benchmark::State& state) {
    const std::int64_t n = 12'000'000;
    Ops ops({.threads = int(state.range(0))});
    const auto g = numbers(ops, n);
    const std::vector<param_range> ranges{{0, 0, n, n / 12, 0, 0, true}};
    double sum = 0;
    for (auto _ : state) ops.elementwise_sum(square{}, {ranges.data(), 1, chunks_of(n)}, &sum, packed_array<const float>{g});
    state.SetBytesProcessed(state.iterations() * n * 4);
  }
};

/// Registers all of them as DEVICE/OPERATION.
template <class Ops> void register_operations(const std::string& device) {
  using ops = operations<Ops>;
  const auto add = [&](const char* name, void (*run)(benchmark::State&)) { return benchmark::RegisterBenchmark((device + "/" + name).c_str(), run); };
  add("matmul_nt", ops::matmul_nt)->Apply(product_shapes);
  add("matmul_nn", ops::matmul_nn)->Apply(product_shapes);
  add("matmul_tn", ops::matmul_tn)->Apply(product_shapes);
  add("matmul_nt_gelu", ops::matmul_nt_gelu)
      ->Args({2048, 1024, 256, 1})
      ->Args({2048, 1024, 256, 2})
      ->ArgNames({"n", "R", "C", "threads"})
      ->UseRealTime()
      ->MinTime(0.1);
  add("attention", ops::attention)
      ->ArgNames({"T", "bidirectional", "threads", "backward"})
      ->ArgsProduct({{128, 512}, {0, 1}, {1, 2}, {0, 1}})
      ->UseRealTime()
      ->MinTime(0.1);
  add("rows_gelu", ops::rows_gelu)->Apply(by_threads);
  add("rows_gelu_backward", ops::rows_gelu_backward)->Apply(by_threads);
  add("rows_layer_norm", ops::rows_layer_norm)->Apply(by_threads);
  add("rows_layer_norm_backward", ops::rows_layer_norm_backward)->Apply(by_threads);
  add("rows_cross_entropy", ops::rows_cross_entropy)->Apply(by_threads);
  add("elementwise_adamw", ops::elementwise_adamw)->Apply(by_threads);
  add("sum_of_squares", ops::sum_of_squares)->Apply(by_threads);
}

}  // namespace raptr::benchmarks
