// SPDX-License-Identifier: Apache-2.0
// Every kernel against its bound, at the sizes of BERT-base with 64 sequences of 512 and, where they differ, of GPT-2 with 16 of
// 1,024, in bf16: bytes that must move, at the copy rate measured in this run, or multiply-adds at the rate of a large
// product. Many operations are timed between two synchronisations of the host, so launch costs count as in a step.
//   kernels [FILE]   appends JSON lines to FILE
#include <chrono>
#include <functional>

#include <raptr/backend/cuda.cuh>
#include <raptr/backend/param_range.hpp>
#include <raptr/nn/layers/activation.hpp>
#include <raptr/nn/layers/copy_rows.hpp>
#include <raptr/nn/layers/cross_entropy.hpp>
#include <raptr/nn/layers/embedding.hpp>
#include <raptr/nn/layers/norm.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/optim/optimizer.hpp>

#include "table.hpp"

namespace {
using namespace raptr;
using namespace raptr::benchmarks;
using ops_type = cuda_ops<bfloat16, float>;

/// Milliseconds of one call: the median of five samples of about 50 ms.
template <class Ops> double time_of(Ops& ops, const std::function<void()>& call) {
  char* const flag = ops.template allocate<char>(1);
  char host = 0;
  const auto wait = [&] { ops.wait(ops.fetch(&host, static_cast<const char*>(flag), 1)); };
  const auto sample = [&](int times) {
    wait();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < times; ++i) call();
    wait();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() / times;
  };
  sample(3);
  const int times = std::clamp(int(50 / sample(3)), 3, 2000);
  std::vector<double> all;
  for (int k = 0; k < 5; ++k) all.push_back(sample(times));
  ops.release(flag);
  return median_of(all);
}

template <class T, class Ops> T* filled(Ops& ops, std::int64_t n, double scale = 1) {
  std::vector<T> host(static_cast<std::size_t>(n));
  std::uint64_t state = 1;
  for (T& x : host) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    x = T(float(scale * (double(state >> 40) / double(1 << 23) - 1)));
  }
  T* const data = ops.template allocate<T>(host.size());
  ops.upload(data, host.data(), host.size());
  return data;
}
template <class T> const T* sent(ops_type& ops, const std::vector<T>& host) {
  T* const data = ops.allocate<T>(host.size());
  ops.upload(data, host.data(), host.size());
  return data;
}
/// FLOP per millisecond of a large product, 8192 cubed.
template <class Ops, class T = typename Ops::real> double product_rate(Ops& ops) {
  constexpr int large = 8192;
  T* arrays[3];
  for (T*& a : arrays) a = filled<T>(ops, std::int64_t(large) * large, 0.01);
  const double ms = time_of(ops, [&] { ops.matmul_nt(arrays[0], arrays[1], {arrays[2], large, large}, nullptr, large, 1, no_epilogue{}); });
  for (T* const a : arrays) ops.release(a);
  return 2.0 * large * large * double(large) / ms;
}

}  // namespace

int main(int count, char** words) try {
  const figures out(count > 1 ? words[1] : nullptr);
  ops_type ops;
  std::printf("%s\n", ops.description().c_str());

  constexpr int sequences = 64, length = 512, width = 768, heads = 12, neurons = 3072, vocab = 30522, gpt_vocab = 50257, n = sequences * length,
                targets = 4096;
  constexpr std::int64_t stream = std::int64_t(n) * width, inner = std::int64_t(n) * neurons, parameters = 110'000'000;
  bfloat16 *const x = filled<bfloat16>(ops, stream), *const y = filled<bfloat16>(ops, stream), *const z = filled<bfloat16>(ops, stream),
                  *const wide_x = filled<bfloat16>(ops, inner), *const wide_y = filled<bfloat16>(ops, inner),
                  *const gain = filled<bfloat16>(ops, width), *const bias = filled<bfloat16>(ops, width);
  float *const scale = filled<float>(ops, n), *const gain_sum = filled<float>(ops, width), *const bias_sum = filled<float>(ops, width);

  // The two rates that everything below is compared with.
  const double copy = 4.0 * double(stream) / time_of(ops, [&] { ops.for_each_row(copy_rows<bfloat16>{y, x, nullptr, nullptr, width}, n); });
  double best_copy = copy;
  {
    const std::int64_t bytes = std::int64_t(1) << 30;
    char *const from = ops.allocate<char>(std::size_t(bytes)), *const to = ops.allocate<char>(std::size_t(bytes));
    cudaStream_t order;
    cudaEvent_t first, last;
    cudaStreamCreate(&order), cudaEventCreate(&first), cudaEventCreate(&last);
    std::vector<double> all;
    for (int k = 0; k < 7; ++k) {
      cudaEventRecord(first, order);
      for (int i = 0; i < 10; ++i) cudaMemcpyAsync(to, from, std::size_t(bytes), cudaMemcpyDeviceToDevice, order);
      cudaEventRecord(last, order), cudaEventSynchronize(last);
      float milliseconds = 0;
      cudaEventElapsedTime(&milliseconds, first, last);
      all.push_back(double(milliseconds) / 10);
    }
    best_copy = 2.0 * double(bytes) / median_of(all);
    ops.release(from), ops.release(to);
    cudaStreamDestroy(order), cudaEventDestroy(first), cudaEventDestroy(last);
  }
  const double matrix_rate = product_rate(ops);
  out.line("copy", {{"GB/s", best_copy / 1e6}, {"rows GB/s", copy / 1e6}});
  out.line("product bf16 8192", {{"TFLOP/s", matrix_rate / 1e9}, {"of 989", matrix_rate / 1e9 / 989}});
  for (const bool tf32 : {false, true}) {
    cuda_ops<float, float> single({.tf32 = tf32});
    out.line(tf32 ? "product tf32 8192" : "product fp32 8192", {{"TFLOP/s", product_rate(single) / 1e9}});
  }

  const auto moved = [&](const std::string& what, double bytes, const std::function<void()>& call) {
    const double ms = time_of(ops, call);
    out.line(what, {{"us", 1e3 * ms}, {"GB/s", bytes / ms / 1e6}, {"of copy", bytes / ms / best_copy}});
  };
  const auto computed = [&](const std::string& what, double flops, const std::function<void()>& call) {
    const double ms = time_of(ops, call);
    out.line(what, {{"us", 1e3 * ms}, {"TFLOP/s", flops / ms / 1e9}, {"of product", flops / ms / matrix_rate}});
  };
  const double s = double(stream), w = double(inner);
  moved("norm forward", 6 * s, [&] { ops.for_each_row(norm_forward<bert_layer_norm, bfloat16, float>{x, y, scale, z, gain, bias, width}, n); });
  moved("norm backward", 6 * s, [&] {
    ops.for_each_row(norm_backward<bert_layer_norm, bfloat16, float>{y, scale, gain, z, nullptr, gain_sum, bias_sum, width}, n);
  });
  moved("gelu forward", 4 * w, [&] { ops.for_each_row(activate<gelu_erf, bfloat16>{wide_x, wide_y, 192, 16}, n); });
  moved("gelu backward", 6 * w, [&] { ops.for_each_row(activate_backward<gelu_erf, bfloat16>{wide_x, wide_y, wide_y, 192, 16}, n); });
  moved("gated swish forward", 3 * w, [&] { ops.for_each_row(activate<swish_gate, bfloat16>{wide_x, wide_y, 96, 16}, n); });

  std::vector<int> ids(n), order(n), starts, values, places(n);
  for (int r = 0; r < n; ++r)
    ids[std::size_t(r)] = int(std::uint64_t(r) * 2654435761u % vocab), order[std::size_t(r)] = r, places[std::size_t(r)] = r % length;
  std::sort(order.begin(), order.end(), [&](int i, int j) { return std::pair(ids[std::size_t(i)], i) < std::pair(ids[std::size_t(j)], j); });
  for (int k = 0; k < n; ++k)
    if (const int id = ids[std::size_t(order[std::size_t(k)])]; values.empty() || values.back() != id) values.push_back(id), starts.push_back(k);
  starts.push_back(n);
  const int *const id_list = sent(ops, ids), *const place_list = sent(ops, places), *const order_list = sent(ops, order),
                   *const start_list = sent(ops, starts), *const value_list = sent(ops, values);
  bfloat16* const table = filled<bfloat16>(ops, std::int64_t(vocab) * width);
  float* const table_gradient = filled<float>(ops, std::int64_t(vocab) * width);
  moved("embedding forward", 4 * s, [&] { ops.for_each_row(embed<bfloat16>{x, table, table, id_list, place_list, width}, n); });
  moved("embedding backward", 2 * s + 8.0 * double(values.size()) * width, [&] {
    ops.for_each_row(embed_backward<bfloat16, float>{table_gradient, x, value_list, start_list, order_list, width}, std::int64_t(values.size()));
  });
  const float* const weights = sent(ops, std::vector<float>(targets, 1.0f));
  double* const losses = ops.allocate<double>(targets);
  for (const int words : {vocab, gpt_vocab}) {
    bfloat16* const logits = filled<bfloat16>(ops, std::int64_t(targets) * words);
    moved("cross-entropy in place, V " + std::to_string(words), 4.0 * targets * words, [&] {
      ops.for_each_row(cross_entropy<bfloat16, float>{logits, id_list, weights, losses, 1.0f / targets, words, true}, targets);
    });
    ops.release(logits);
  }

  bfloat16 *const qkv = filled<bfloat16>(ops, 3 * stream), *const dqkv = ops.allocate<bfloat16>(std::size_t(3 * stream));
  float* const lse = ops.allocate<float>(std::size_t(n) * heads);
  const auto attention = [&](const std::string& what, int count, int rows, bool causal) {
    std::vector<segment> segments;
    for (int k = 0; k < count; ++k) segments.push_back({k * rows, rows, causal ? 0 : rows});
    const segment_list list{segments.data(), sent(ops, segments), count};
    const double flops = 4.0 * count * double(rows) * rows * width / (causal ? 2 : 1);
    computed("attention forward, " + what, flops, [&] { ops.attention(y, lse, qkv, {heads, 1, width / heads}, list); });
    computed("attention backward, " + what, 2.5 * flops, [&] { ops.attention_backward(dqkv, x, y, lse, qkv, {heads, 1, width / heads}, list); });
  };
  attention("64 x 512", sequences, length, false);
  attention("64 x 512 causal", sequences, length, true);
  attention("16 x 1024 causal", 16, 1024, true);
  const auto product = [&](const std::string& what, int rows, int columns) {
    const double flops = 2.0 * n * double(rows) * columns;
    bfloat16* const weight = filled<bfloat16>(ops, std::int64_t(rows) * columns, 0.02);
    float* const gradient = filled<float>(ops, std::int64_t(rows) * columns);
    computed(what + " forward", flops, [&] { ops.matmul_nt(wide_y, wide_x, {weight, rows, columns}, nullptr, n, 1, no_epilogue{}); });
    computed(what + " input gradient", flops, [&] { ops.matmul_nn(wide_y, wide_x, {weight, rows, columns}, n, 1, 0, nullptr, 0); });
    computed(what + " weight gradient", flops, [&] { ops.matmul_tn({gradient, rows, columns}, wide_x, wide_y, n, 1, nullptr, nullptr, 0); });
    ops.release(weight), ops.release(gradient);
  };
  product("mlp up", neurons, width), product("attention qkv", 3 * width, width);

  // The optimizer over ranges like those of twelve blocks.
  param_range_list ranges;
  for (std::int64_t at = 0; at < parameters; at += parameters / 200)
    ranges.push_back({at, at, parameters / 200, parameters / 200, int(ranges.size()), int(ranges.size()), true});
  buffer<param_range, ops_type> list(ops);
  const param_ranges all = uploaded_ranges(ranges, list);
  float *const master = filled<float>(ops, parameters), *const g = filled<float>(ops, parameters), *const m = filled<float>(ops, parameters, 0),
               *const v = filled<float>(ops, parameters, 0);
  const int* const counts = sent(ops, std::vector<int>(ranges.size(), 3));
  const double* const results = sent(ops, std::vector<double>{1.0, 4.0});
  double* const norms = ops.allocate<double>(ranges.size());
  bfloat16* const packed = ops.allocate<bfloat16>(parameters);
  const update<adamw, float, update_kind::with_gradient> step{adamw{}, step_results(results), counts, 1e-4, 1e-4, 1.0};
  moved("AdamW", 28.0 * parameters, [&] { ops.elementwise(step, all, master, packed_array<const float>{g}, m, v); });
  moved("gradient norm", 4.0 * parameters, [&] { ops.elementwise_sum(square{}, all, norms, packed_array<const float>{g}); });
  moved("packing to bf16", 6.0 * parameters,
        [&] { ops.elementwise(convert{}, all, static_cast<const float*>(master), packed_array<bfloat16>{packed}); });
  return 0;
} catch (const std::exception& problem) {
  std::fprintf(stderr, "kernels: %s\n", problem.what());
  return 2;
}
