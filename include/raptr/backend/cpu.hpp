// SPDX-License-Identifier: Apache-2.0
// The CPU backend: implements the tag raptr::cpu. It owns its threads, and its results have the same bits for any number of
// them. What computes is a policy: by default kernels of our own and no library; docs/design.md says why.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include <raptr/backend/cpu/attention.hpp>
#include <raptr/backend/cpu/context.hpp>
#include <raptr/backend/cpu/elementwise.hpp>
#include <raptr/backend/cpu/matmul.hpp>
#include <raptr/backend/cpu/memory.hpp>
#include <raptr/backend/cpu/own_kernels.hpp>
#include <raptr/backend/cpu/row_kernels.hpp>
#include <raptr/backend/ops.hpp>
#include <raptr/base/device.hpp>

namespace raptr {

struct cpu_options {
  /// Including the calling thread. 0: available_threads(), one for each processor that the calling thread may use, and 1 inside a
  /// parallel region of OpenMP. Models that train at the same time in threads of the caller need a number each: docs/building.md.
  int threads = 0;
};

inline namespace RAPTR_INSTRUCTIONS {

/// Satisfies raptr::backend. Every operation is complete when it returns. Not thread-safe: one caller at a time.
template <class Real, class Master, class Kernels = cpu_backend::own_kernels> class cpu_ops {
 public:
  static_assert(std::floating_point<Real>, "raptr: the CPU backend computes in float or double: bf16 is for raptr::cuda");
  using real = Real;
  using master = Master;
  static constexpr std::int64_t working_set = std::int64_t(16) << 20;  // about the caches of a few cores
  static constexpr bool host_memory = true;

  /// Throws input_error if the number of threads is out of range.
  explicit cpu_ops(const cpu_options& options = {}) : ctx_(options.threads) { Kernels::check(); }
  cpu_ops(const cpu_ops&) = delete;
  cpu_ops& operator=(const cpu_ops&) = delete;

  template <class Epilogue>
  void matmul_nt(Real* y, const Real* x, matrix<const Real> w, const Real* bias, std::int64_t n, double alpha, const Epilogue& epilogue) {
    static_assert(row_kernel<Epilogue>,
                  "raptr: the epilogue of matmul_nt is a raptr::row_kernel: it needs sums, row(team, r), and with sums also width and sum(k, i)");
    const cpu_backend::matmul_arguments<Real, true> product{
        .y = y, .a = x, .b = w.data, .n = n, .depth = w.width, .columns = w.rows, .alpha = Real(alpha), .bias = bias};
    cpu_backend::matmul<Kernels>(ctx_, product, epilogue);
  }
  void matmul_nn(Real* y, const Real* a, matrix<const Real> w, std::int64_t n, double alpha, double beta, const Real* bias, double bias_factor) {
    const cpu_backend::matmul_arguments<Real, false> product{.y = y,
                                                             .a = a,
                                                             .b = w.data,
                                                             .n = n,
                                                             .depth = w.rows,
                                                             .columns = w.width,
                                                             .alpha = Real(alpha),
                                                             .beta = Real(beta),
                                                             .bias = bias,
                                                             .bias_factor = Real(bias_factor)};
    cpu_backend::matmul<Kernels>(ctx_, product, no_epilogue{});
  }
  void matmul_tn(matrix<Master> g, const Real* a, const Real* x, std::int64_t n, double alpha, Master* a_sum, Master* x_sum, double x_factor) {
    const cpu_backend::gradient_arguments<Real, Master> product{
        .g = g, .a = a, .x = x, .n = n, .alpha = Real(alpha), .a_sum = a_sum, .x_sum = x_sum, .x_factor = Real(x_factor)};
    cpu_backend::matmul_into_gradient<Kernels>(ctx_, product);
  }
  template <class K> void for_each_row(const K& kernel, std::int64_t n) {
    static_assert(row_kernel<K>, "raptr: for_each_row runs a raptr::row_kernel: it needs sums, row(team, r), and with sums also width and sum(k, i)");
    cpu_backend::run_rows<Kernels>(ctx_, kernel, n);
  }

  void attention(Real* mixed, Master* lse, const Real* qkv, head_shape heads, segment_list list, score_offsets<const Real> offsets = {},
                 const probability_dropout& dropout = {}) {
    ctx_.threads.parallel_for(std::int64_t(list.count) * heads.groups * heads.queries, [&](std::int64_t task, int thread) {
      const std::int64_t group = task / heads.queries;
      const group_rows at{list.device[group / heads.groups], heads, int(group % heads.groups)};
      cpu_backend::attention_of<Kernels>(ctx_.own[std::size_t(thread)], at, int(task % heads.queries), mixed, lse, qkv, offsets, dropout);
    });
  }
  void attention_backward(Real* dqkv, const Real* dmixed, const Real* mixed, const Master* lse, const Real* qkv, head_shape heads, segment_list list,
                          score_offsets<const Real> offsets = {}, Master* doffsets = nullptr, const probability_dropout& dropout = {}) {
    ctx_.threads.parallel_for(std::int64_t(list.count) * heads.groups, [&](std::int64_t task, int thread) {
      const group_rows at{list.device[task / heads.groups], heads, int(task % heads.groups)};
      const score_offsets<Master> of_group{doffsets ? doffsets + task * heads.queries * offsets.width() : nullptr, offsets.reach};
      cpu_backend::attention_backward_of<Kernels>(ctx_.own[std::size_t(thread)], at, dqkv, dmixed, mixed, lse, qkv, offsets, of_group, dropout);
    });
  }

  template <class F, class... Arrays> void elementwise(const F& f, param_ranges ranges, Arrays... arrays) {
    cpu_backend::elementwise<Kernels>(ctx_, f, ranges, arrays...);
  }
  template <class F, class... Arrays> void elementwise_sum(const F& f, param_ranges ranges, double* into, Arrays... arrays) {
    cpu_backend::elementwise_sum(ctx_, f, ranges, into, arrays...);
  }

  template <class T> T* allocate(std::size_t n) { return memory_.template allocate<T>(n); }
  template <class T> void release(T* p) { memory_.release(p); }
  template <class T> void upload(T* device, const T* host, std::size_t n) {
    if (n) std::memcpy(device, host, n * sizeof(T));
  }
  template <class T> ticket fetch(T* host, const T* device, std::size_t n) {
    if (n) std::memcpy(host, device, n * sizeof(T));
    return 0;
  }
  void wait(ticket) {}

  /// Like "cpu, AVX-512, 2 threads": the instruction set it was compiled for.
  std::string description() const {
    const int threads = ctx_.threads.size();
    return Kernels::name() + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
  }

 private:
  cpu_backend::context ctx_;
  cpu_backend::memory memory_;
};

}  // namespace RAPTR_INSTRUCTIONS

template <> struct backend_of<cpu> {
  using options = cpu_options;
  template <class Real, class Master> using ops = cpu_ops<Real, Master>;
};

}  // namespace raptr
