// SPDX-License-Identifier: Apache-2.0
// The CUDA backend: implements the tag raptr::cuda, for files that nvcc compiles. All work is enqueued on one stream; only
// wait() blocks the host. No result depends on an order that the device is free to choose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <raptr/backend/cuda/attention.cuh>
#include <raptr/backend/cuda/context.cuh>
#include <raptr/backend/cuda/elementwise.cuh>
#include <raptr/backend/cuda/matmul.cuh>
#include <raptr/backend/cuda/row_kernels.cuh>
#include <raptr/backend/ops.hpp>
#include <raptr/base/device.hpp>

namespace raptr {

struct cuda_options {
  /// Device number, from 0, among those in CUDA_VISIBLE_DEVICES.
  int device = 0;
  /// Products of float in TF32: 10 mantissa bits of each factor instead of 23, several times faster.
  bool tf32 = false;
};

/// Satisfies raptr::backend. Not thread-safe: one caller at a time, from any thread, whatever device is current there. Real: float, double or bfloat16; Master: float, or double with double.
template <class Real, class Master> class cuda_ops {
  static_assert(std::same_as<Real, Master> || (std::same_as<Real, bfloat16> && std::same_as<Master, float>),
                "raptr: the CUDA backend computes in fp32, fp64, or bf16 with an fp32 master");

 public:
  using real = Real;
  using master = Master;
  static constexpr std::int64_t working_set = std::int64_t(512) << 20;

  /// Throws input_error if the device does not exist, or it or its driver is too old.
  explicit cuda_ops(const cuda_options& options = {}) : ctx_(options.device), matmul_(ctx_, options.tf32), tf32_(options.tf32) {}
  cuda_ops(const cuda_ops&) = delete;
  cuda_ops& operator=(const cuda_ops&) = delete;

  template <class Epilogue>
  void matmul_nt(Real* y, const Real* x, matrix<const Real> w, const Real* bias, std::int64_t n, double alpha, const Epilogue& epilogue) {
    static_assert(row_kernel<Epilogue>,
                  "raptr: the epilogue of matmul_nt is a raptr::row_kernel: it needs sums, row(team, r), and with sums also width and sum(k, i)");
    const cuda_backend::operation_scope at(ctx_.device(), "matmul_nt");
    matmul_.nt(y, x, w, bias, n, alpha);
    cuda_backend::run_rows(ctx_, epilogue, n);
  }
  void matmul_nn(Real* y, const Real* a, matrix<const Real> w, std::int64_t n, double alpha, double beta, const Real* bias, double bias_factor) {
    const cuda_backend::operation_scope at(ctx_.device(), "matmul_nn");
    matmul_.nn(y, a, w, n, alpha, beta, bias, bias_factor);
  }
  void matmul_tn(matrix<Master> g, const Real* a, const Real* x, std::int64_t n, double alpha, Master* a_sum, Master* x_sum, double x_factor) {
    const cuda_backend::operation_scope at(ctx_.device(), "matmul_tn");
    matmul_.tn(g, a, x, n, alpha, a_sum, x_sum, x_factor);
  }
  template <class K> void for_each_row(const K& kernel, std::int64_t n) {
    static_assert(row_kernel<K>, "raptr: for_each_row runs a raptr::row_kernel: it needs sums, row(team, r), and with sums also width and sum(k, i)");
    const cuda_backend::operation_scope at(ctx_.device(), "for_each_row");
    cuda_backend::run_rows(ctx_, kernel, n);
  }
  void attention(Real* mixed, Master* lse, const Real* qkv, head_shape heads, segment_list list, score_offsets<const Real> offsets = {},
                 const probability_dropout& dropout = {}) {
    const cuda_backend::operation_scope at(ctx_.device(), "attention");
    cuda_backend::attention(ctx_, mixed, lse, qkv, heads, list, offsets, dropout);
  }
  void attention_backward(Real* dqkv, const Real* dmixed, const Real* mixed, const Master* lse, const Real* qkv, head_shape heads, segment_list list,
                          score_offsets<const Real> offsets = {}, Master* doffsets = nullptr, const probability_dropout& dropout = {}) {
    const cuda_backend::operation_scope at(ctx_.device(), "attention_backward");
    cuda_backend::attention_backward(ctx_, dqkv, dmixed, mixed, lse, qkv, heads, list, offsets, doffsets, dropout);
  }
  template <class F, class... Arrays> void elementwise(const F& f, param_ranges ranges, Arrays... arrays) {
    const cuda_backend::operation_scope at(ctx_.device(), "elementwise");
    cuda_backend::elementwise(ctx_, f, ranges, arrays...);
  }
  template <class F, class... Arrays> void elementwise_sum(const F& f, param_ranges ranges, double* into, Arrays... arrays) {
    const cuda_backend::operation_scope at(ctx_.device(), "elementwise_sum");
    cuda_backend::elementwise_sum(ctx_, f, ranges, into, arrays...);
  }

  template <class T> T* allocate(std::size_t n) {
    constexpr std::size_t most = std::size_t(-1) / 2;
    const cuda_backend::device_scope here(device());
    return static_cast<T*>(ctx_.memory.allocate(n < most / sizeof(T) ? n * sizeof(T) : most));
  }
  template <class T> void release(T* p) {
    const cuda_backend::device_scope here(device());
    ctx_.memory.release(p);
  }
  template <class T> void upload(T* to, const T* host, std::size_t n) {
    const cuda_backend::device_scope here(device());
    ctx_.uploads.put(to, host, n * sizeof(T));
  }
  template <class T> ticket fetch(T* host, const T* from, std::size_t n) {
    const cuda_backend::device_scope here(device());
    return ctx_.fetches.fetch(host, from, n * sizeof(T));
  }
  void wait(ticket t) {
    const cuda_backend::device_scope here(device());
    ctx_.fetches.wait(t);
  }

  /// For work on other streams and for libraries: the stream of all operations, and the number of the device.
  cudaStream_t order() const { return ctx_.order(); }
  int device() const { return ctx_.device().number; }

  /// Like "cuda, NVIDIA H100 80GB HBM3, 81079 MiB".
  std::string description() const { return "cuda, " + ctx_.device().name + ", " + errors::mebibytes(ctx_.device().memory) + (tf32_ ? ", TF32" : ""); }

 private:
  cuda_backend::context ctx_;
  cuda_backend::matmul<Real, Master> matmul_;
  bool tf32_;
};

template <> struct backend_of<cuda> {
  using options = cuda_options;
  template <class Real, class Master> using ops = cuda_ops<Real, Master>;
};

}  // namespace raptr
