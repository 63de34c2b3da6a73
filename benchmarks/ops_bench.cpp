// SPDX-License-Identifier: Apache-2.0
// The CPU's operations: products and attention as a share of the multiply-add peak of their threads, everything else in
// bytes per second. The peak is measured in this process.
#include <benchmark/benchmark.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <raptr/backend/cpu.hpp>
#include <raptr/backend/cpu/peak.hpp>
#include <raptr/base/math.hpp>
#include <vector>

namespace {
using namespace raptr;
using ops_type = cpu_ops<float, float>;

std::vector<float> host_numbers(std::int64_t n) {
  std::vector<float> list(std::size_t(n), 0.0f);
  for (std::size_t i = 0; i < list.size(); ++i) list[i] = float(int(i * 2654435761u >> 8 & 1023u) - 512) / 512.0f;
  return list;
}

/// Memory of the backend, as in training: large arrays lie on large pages there.
float* numbers(ops_type& ops, std::int64_t n) {
  const std::vector<float> host = host_numbers(n);
  float* const device = ops.allocate<float>(host.size());
  ops.upload(device, host.data(), host.size());
  return device;
}

void share_of_peak(benchmark::State& state, double flops, int threads) {
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

struct gelu {
  static constexpr int sums = 0;
  const float* in;
  float* out;
  int columns;
  template <class Team> void row(Team& team, std::int64_t r) const {
    const float* const x = in + r * columns;
    float* const y = out + r * columns;
    team.each(columns, [=](int i) { y[i] = 0.5f * x[i] * (1.0f + math::tanh(0.7978845608f * (x[i] + 0.044715f * x[i] * x[i] * x[i]))); });
  }
};
struct layer_norm {
  static constexpr int sums = 0;
  const float* in;
  float* out;
  int columns;
  template <class Team> void row(Team& team, std::int64_t r) const {
    const float* const x = in + r * columns;
    float* const y = out + r * columns;
    const float n = float(columns), mean = team.sum(columns, [=](int i) { return x[i]; }) / n;
    const float scale = 1.0f / std::sqrt(team.sum(columns, [=](int i) { return (x[i] - mean) * (x[i] - mean); }) / n + 1e-5f);
    team.each(columns, [=](int i) { y[i] = (x[i] - mean) * scale; });
  }
};
struct layer_norm_backward {
  static constexpr int sums = 2;
  const float *hat, *gain;
  float *d, *gain_sum, *bias_sum;
  int width;
  template <class Team> void row(Team& team, std::int64_t r) const {
    const float *const h = hat + r * width, *const g = gain;
    float* const row = d + r * width;
    team.each(width, [=, &team](int i) {
      team.add(0, i, row[i] * h[i]);
      team.add(1, i, row[i]);
      row[i] *= g[i];
    });
    const float n = float(width), mean = team.sum(width, [=](int i) { return row[i]; }) / n;
    const float dot = team.sum(width, [=](int i) { return row[i] * h[i]; }) / n;
    team.each(width, [=](int i) { row[i] = row[i] - mean - h[i] * dot; });
  }
  float* sum(int k, int i) const { return (k == 0 ? gain_sum : bias_sum) + i; }
};
struct cross_entropy {
  static constexpr int sums = 1;
  int width = 1;
  float *logits, *loss;
  int columns;
  template <class Team> void row(Team& team, std::int64_t r) const {
    float* const l = logits + r * columns;
    const float top = team.max(columns, [=](int i) { return l[i]; });
    const float total = team.sum(columns, [=](int i) { return math::exp(l[i] - top); });
    const float lse = top + std::log(total);
    team.each(1, [=, &team](int) { team.add(0, 0, lse - l[3]); });
    team.each(columns, [=](int i) { l[i] = math::exp(l[i] - lse) - float(i == 3); });
  }
  float* sum(int, int) const { return loss; }
};
struct adamw {
  struct per_unit {
    float rate, correct1, correct2, decay;
  };
  per_unit begin(const walk_range& range, int) const { return {1e-3f, 0.1f, 0.001f, range.decays ? 0.01f : 0.0f}; }
  void operator()(const per_unit& u, float& w, const float& g, float& m, float& v) const {
    m += 0.1f * (g - m), v += 0.001f * (g * g - v);
    w -= u.rate * (m / u.correct1 / (math::sqrt(v / u.correct2) + 1e-8f) + u.decay * w);
  }
};

void matmul_nt(benchmark::State& state) {
  const product_shape s(state);
  ops_type ops({.threads = s.threads});
  const auto x = numbers(ops, s.n * s.columns), w = numbers(ops, std::int64_t(s.rows) * s.columns), bias = numbers(ops, s.rows);
  const auto y = numbers(ops, s.n * s.rows);
  for (auto _ : state) ops.matmul_nt(y, x, {w, s.rows, s.columns}, bias, s.n, 1.0f, nothing{});
  share_of_peak(state, s.flops(), s.threads);
}
void matmul_nt_gelu(benchmark::State& state) {
  const product_shape s(state);
  ops_type ops({.threads = s.threads});
  const auto x = numbers(ops, s.n * s.columns), w = numbers(ops, std::int64_t(s.rows) * s.columns), bias = numbers(ops, s.rows);
  const auto y = numbers(ops, s.n * s.rows), h = numbers(ops, s.n * s.rows);
  for (auto _ : state)
    ops.matmul_nt(y, x, {w, s.rows, s.columns}, bias, s.n, 1.0f, gelu{y, h, s.rows});
  share_of_peak(state, s.flops(), s.threads);
}
void matmul_nn(benchmark::State& state) {
  const product_shape s(state);
  ops_type ops({.threads = s.threads});
  const auto a = numbers(ops, s.n * s.rows), w = numbers(ops, std::int64_t(s.rows) * s.columns), bias = numbers(ops, s.columns);
  const auto y = numbers(ops, s.n * s.columns);
  for (auto _ : state) ops.matmul_nn(y, a, {w, s.rows, s.columns}, s.n, 1.0f, 0.5f, bias, 1.0f);
  share_of_peak(state, s.flops(), s.threads);
}
void matmul_tn(benchmark::State& state) {
  const product_shape s(state);
  ops_type ops({.threads = s.threads});
  const auto a = numbers(ops, s.n * s.rows), x = numbers(ops, s.n * s.columns);
  const auto g = numbers(ops, std::int64_t(s.rows) * s.columns), a_sum = numbers(ops, s.rows), x_sum = numbers(ops, s.columns);
  for (auto _ : state) ops.matmul_tn({g, s.rows, s.columns}, a, x, s.n, 1.0f, a_sum, x_sum, 1.0f);
  share_of_peak(state, s.flops(), s.threads);
}

// n, R, C, threads
void product_shapes(benchmark::internal::Benchmark* b) {
  for (int threads : {1, 2})
    for (const auto& [n, rows, columns] : std::vector<std::array<std::int64_t, 3>>{{2048, 768, 256}, {2048, 256, 256}, {2048, 1024, 256}, {256, 8192, 256},
                                                                                  {2048, 8192, 256}, {2048, 768, 768}, {2048, 3072, 768}})
      b->Args({n, rows, columns, threads});
  b->ArgNames({"n", "R", "C", "threads"})->UseRealTime()->MinTime(0.1);
}
BENCHMARK(matmul_nt)->Apply(product_shapes);
BENCHMARK(matmul_nn)->Apply(product_shapes);
BENCHMARK(matmul_tn)->Apply(product_shapes);
BENCHMARK(matmul_nt_gelu)->Args({2048, 1024, 256, 1})->Args({2048, 1024, 256, 2})->ArgNames({"n", "R", "C", "threads"})->UseRealTime()->MinTime(0.1);

// D = 64, 2,048 rows, 4 groups of one query head.
void attention(benchmark::State& state) {
  const int length = int(state.range(0)), prefix = state.range(1) ? length : 0, threads = int(state.range(2)), count = 2048 / length;
  const bool backward = state.range(3);
  ops_type ops({.threads = threads});
  std::vector<segment> list;
  for (int i = 0; i < count; ++i) list.push_back({i * length, length, prefix});
  const segment_list segments{list.data(), list.data(), count};
  const head_shape heads{4, 1, 64};
  const auto qkv = numbers(ops, 2048 * 768), dmixed = numbers(ops, 2048 * 256);
  const auto mixed = numbers(ops, 2048 * 256), lse = numbers(ops, 2048 * 4), dqkv = numbers(ops, 2048 * 768);
  ops.attention(mixed, lse, qkv, heads, segments);
  for (auto _ : state)
    if (backward) ops.attention_backward(dqkv, dmixed, mixed, lse, qkv, heads, segments);
    else ops.attention(mixed, lse, qkv, heads, segments);
  const double seen = prefix ? double(length) : (length + 1) / 2.0;
  share_of_peak(state, (backward ? 10.0 : 4.0) * 2048 * 4 * 64 * seen, threads);
}
BENCHMARK(attention)
    ->ArgNames({"T", "bidirectional", "threads", "backward"})
    ->ArgsProduct({{128, 512}, {0, 1}, {1, 2}, {0, 1}})
    ->UseRealTime()
    ->MinTime(0.1);

template <class Make> void rows(benchmark::State& state, std::int64_t n, int columns, double arrays, Make make) {
  const int threads = int(state.range(0));
  ops_type ops({.threads = threads});
  const auto in = numbers(ops, n * columns);
  const auto out = numbers(ops, n * columns), sums = numbers(ops, 2 * columns);
  for (auto _ : state) ops.rows(make(in, out, sums), n);
  state.SetBytesProcessed(std::int64_t(double(state.iterations()) * arrays * 4.0 * double(n) * columns));
}
void rows_gelu(benchmark::State& state) {
  rows(state, 2048, 1024, 2, [](const float* in, float* out, float*) { return gelu{in, out, 1024}; });
}
void rows_layer_norm(benchmark::State& state) {
  rows(state, 2048, 256, 2, [](const float* in, float* out, float*) { return layer_norm{in, out, 256}; });
}
void rows_layer_norm_backward(benchmark::State& state) {
  rows(state, 2048, 256, 3, [](const float* in, float* out, float* sums) { return layer_norm_backward{in, in, out, sums, sums + 256, 256}; });
}
void rows_cross_entropy(benchmark::State& state) {
  rows(state, 512, 8192, 2, [](const float*, float* out, float* sums) { return cross_entropy{1, out, sums, 8192}; });
}
void walk_adamw(benchmark::State& state) {
  const std::int64_t n = 12'000'000;
  ops_type ops({.threads = int(state.range(0))});
  const std::vector<walk_range> ranges{{0, 0, n, n / 12, 0, 0, true}};
  const auto w = numbers(ops, n), g = numbers(ops, n), m = numbers(ops, n), v = numbers(ops, n);
  ops.walk(fill_zero{}, {ranges.data(), 1}, v);
  for (auto _ : state) ops.walk(adamw{}, {ranges.data(), 1}, w, by_plan<const float>{g}, m, v);
  state.SetBytesProcessed(state.iterations() * n * 28);
}
void walk_sum_square(benchmark::State& state) {
  const std::int64_t n = 12'000'000;
  ops_type ops({.threads = int(state.range(0))});
  const auto g = numbers(ops, n);
  const std::vector<walk_range> ranges{{0, 0, n, n / 12, 0, 0, true}};
  double sum = 0;
  for (auto _ : state) ops.walk_sum(square{}, {ranges.data(), 1}, &sum, by_plan<const float>{g});
  state.SetBytesProcessed(state.iterations() * n * 4);
}
void by_threads(benchmark::internal::Benchmark* b) { b->Arg(1)->Arg(2)->ArgName("threads")->UseRealTime()->MinTime(0.1); }
BENCHMARK(rows_gelu)->Apply(by_threads);
BENCHMARK(rows_layer_norm)->Apply(by_threads);
BENCHMARK(rows_layer_norm_backward)->Apply(by_threads);
BENCHMARK(rows_cross_entropy)->Apply(by_threads);
BENCHMARK(walk_adamw)->Apply(by_threads);
BENCHMARK(walk_sum_square)->Apply(by_threads);

/// Starting a loop of empty tasks.
void empty_loop(benchmark::State& state) {
  cpu_backend::thread_team team{int(state.range(0))};
  for (auto _ : state) team.parallel_for(8, [](std::int64_t, int) {});
}
BENCHMARK(empty_loop)->Apply(by_threads);

}  // namespace

BENCHMARK_MAIN();
