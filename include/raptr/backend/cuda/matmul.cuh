// SPDX-License-Identifier: Apache-2.0
// Matrix products by cuBLASLt. Its matrices are column-major, so a row-major Y (n, R) is its Y (R, n) and every product is
// computed transposed. The algorithm chosen for a shape is cached with its descriptors. Split-K sums are added in the compute
// type only, never in that of the result, and the workspace is our own, so the bits do not depend on other work.
#pragma once

#include <cublasLt.h>

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include <raptr/backend/cuda/context.cuh>
#include <raptr/backend/cuda/row_kernels.cuh>
#include <raptr/base/bfloat16.hpp>

namespace raptr::cuda_backend {

inline void check(cublasStatus_t status, const char* during) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  check(sticky_error(), during);
  errors::cublas_failed(during, int(status));
}

template <class T> struct blas;
template <> struct blas<float> {
  static constexpr const char* name = "fp32";
  static constexpr cudaDataType_t type = CUDA_R_32F;
  using scalar = float;
  static constexpr cudaDataType_t scalar_type = CUDA_R_32F;
  static constexpr cublasComputeType_t exact = CUBLAS_COMPUTE_32F, fast = CUBLAS_COMPUTE_32F_FAST_TF32;
};
template <> struct blas<double> {
  static constexpr const char* name = "fp64";
  static constexpr cudaDataType_t type = CUDA_R_64F;
  using scalar = double;
  static constexpr cudaDataType_t scalar_type = CUDA_R_64F;
  static constexpr cublasComputeType_t exact = CUBLAS_COMPUTE_64F, fast = CUBLAS_COMPUTE_64F;
};
template <> struct blas<bfloat16> {
  static constexpr const char* name = "bf16";
  static constexpr cudaDataType_t type = CUDA_R_16BF;
  using scalar = float;
  static constexpr cudaDataType_t scalar_type = CUDA_R_32F;
  static constexpr cublasComputeType_t exact = CUBLAS_COMPUTE_32F, fast = CUBLAS_COMPUTE_32F;
};

/// Owns a descriptor of cuBLASLt.
template <class Handle, cublasStatus_t (*End)(Handle)> class described {
 public:
  described() = default;
  described(const described&) = delete;
  described& operator=(const described&) = delete;
  ~described() {
    if (handle_) End(handle_);
  }
  Handle* to() { return &handle_; }
  operator Handle() const { return handle_; }

 private:
  Handle handle_ = nullptr;
};

/// D (m, n) = alpha op(A) op(B) + beta D + bias, column-major, op(A) (m, k).
struct product_shape {
  bool transpose_a, transpose_b, with_bias;
  std::int64_t m, n, k, lda, ldb;  // ldd is m
  int alignment = 0;               // bytes, of all operands
  int bias_alignment = 0;          // bytes; the library reads it off the pointer when it chooses an algorithm
  auto operator<=>(const product_shape&) const = default;
};

/// y += bias, one row.
template <class T, class Out> struct biased {
  static constexpr int sums = 0;
  const T* bias;
  Out* y;
  int width;
  template <class Team> __device__ void row(Team& team, std::int64_t r) const {
    const auto add = [](int, Out& out, const T& in) { out = Out(wide<Out>(out) + wide<Out>(in)); };
    team.each(width, add, y + r * width, bias);
  }
};

/// In: A, B and the bias. Out: D.
template <class In, class Out> class products {
 public:
  /// workspace: may be shared with everything on the same stream.
  products(context& ctx, cublasLtHandle_t library, bool tf32, scratch& workspace)
      : ctx_(ctx), library_(library), tf32_(tf32), workspace_(workspace) {}

  void operator()(const char* name, product_shape shape, double alpha, const In* a, const In* b, double beta, Out* d, const In* bias) {
    if (shape.m == 0 || shape.n == 0) return;
    shape.alignment = alignment_of(a, b, d), shape.bias_alignment = bias ? alignment_of(bias) : 0;
    auto at = plans_.find(shape);
    if (at == plans_.end()) at = plans_.try_emplace(shape).first, choose(at->second, shape, bias);
    plan& p = at->second;
    if (p.adds_bias) set(p.what, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    const scalar factor = scalar(alpha), keep = scalar(beta);
    check(cublasLtMatmul(library_, p.what, &factor, a, p.a, b, p.b, &keep, d, p.d, d, p.d, &p.algorithm, workspace_.get<char>(workspace_bytes),
                         workspace_bytes, ctx_.order()),
          name);
    if (bias && !p.adds_bias) run_rows(ctx_, biased<In, Out>{bias, d, int(shape.m)}, shape.n);
  }

 private:
  using scalar = typename blas<In>::scalar;
  struct plan {
    described<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy> what;
    described<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy> a, b, d;
    cublasLtMatmulAlgo_t algorithm{};
    bool adds_bias = false;
  };
  static constexpr std::size_t workspace_bytes = std::size_t(32) << 20;  // as recommended by NVIDIA for Hopper

  template <class T> static void set(cublasLtMatmulDesc_t what, cublasLtMatmulDescAttributes_t attribute, const T& value) {
    check(cublasLtMatmulDescSetAttribute(what, attribute, &value, sizeof value), "the description of a product");
  }
  template <class T> static void set(cublasLtMatmulPreference_t what, cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
    check(cublasLtMatmulPreferenceSetAttribute(what, attribute, &value, sizeof value), "the preferences for a product");
  }
  /// At most 16 bytes, the longest access of a kernel: more would depend on where the arena has put an array in this step, and with it the
  /// algorithm and the bits.
  template <class... T> static int alignment_of(const T*... arrays) {
    const std::uintptr_t all = (reinterpret_cast<std::uintptr_t>(arrays) | ... | 16u);
    return int(all & (~all + 1));
  }
  /// bias: any that is aligned as all that will be given for this shape.
  void choose(plan& p, const product_shape& s, const In* bias) const {
    constexpr const char* during = "the choice of a product";
    check(cublasLtMatmulDescCreate(p.what.to(), tf32_ ? blas<In>::fast : blas<In>::exact, blas<In>::scalar_type), during);
    set(p.what, CUBLASLT_MATMUL_DESC_TRANSA, s.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(p.what, CUBLASLT_MATMUL_DESC_TRANSB, s.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
    if (s.with_bias) {
      set(p.what, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
      set(p.what, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, blas<In>::type);
      set(p.what, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    }
    const auto layout = [&](auto& to, cudaDataType_t type, bool transposed, std::int64_t rows, std::int64_t columns, std::int64_t leading) {
      if (transposed) std::swap(rows, columns);
      check(cublasLtMatrixLayoutCreate(to.to(), type, std::uint64_t(rows), std::uint64_t(columns), leading), during);
    };
    layout(p.a, blas<In>::type, s.transpose_a, s.m, s.k, s.lda);
    layout(p.b, blas<In>::type, s.transpose_b, s.k, s.n, s.ldb);
    layout(p.d, blas<Out>::type, false, s.m, s.n, s.m);

    described<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy> wish;
    check(cublasLtMatmulPreferenceCreate(wish.to()), during);
    set(wish, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes);
    set(wish, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
    for (const auto operand : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                               CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      set(wish, operand, std::uint32_t(s.alignment));
    p.adds_bias = s.with_bias;
    if (finds(p, wish)) return;
    p.adds_bias = false;
    if (s.with_bias) set(p.what, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_DEFAULT);
    if (!s.with_bias || !finds(p, wish)) errors::no_product(s.m, s.n, s.k, std::string(blas<In>::name) + " with a result in " + blas<Out>::name);
  }
  /// Whether the library has an algorithm; p has it then.
  bool finds(plan& p, cublasLtMatmulPreference_t wish) const {
    cublasLtMatmulHeuristicResult_t best{};
    int found = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(library_, p.what, p.a, p.b, p.d, p.d, wish, 1, &best, &found);
    if (status == CUBLAS_STATUS_NOT_SUPPORTED || (status == CUBLAS_STATUS_SUCCESS && found == 0)) return false;
    check(status, "the choice of a product");
    p.algorithm = best.algo;
    return true;
  }

  context& ctx_;
  cublasLtHandle_t library_;
  bool tf32_;
  scratch& workspace_;
  std::map<product_shape, plan> plans_;
};

/// into += factor times the column sums of x (rows, width).
template <class T, class Sum> struct column_sums {
  static constexpr int sums = 1;
  const T* x;
  Sum* into;
  Sum factor;
  int width;
  template <class Team> __device__ void row(Team& team, std::int64_t r) const {
    const Sum by = factor;
    const auto add = [=, &team](int i, const T& v) { team.add(0, i, by * Sum(v)); };
    team.each(width, add, x + r * width);
  }
  __host__ __device__ Sum* sum(int, int i) const { return into + i; }
};
/// y = factor x, one row.
template <class T> struct scaled {
  static constexpr int sums = 0;
  const T* x;
  T* y;
  wide<T> factor;
  int width;
  template <class Team> __device__ void row(Team& team, std::int64_t) const {
    const wide<T> by = factor;
    const auto scale = [=](int, T& out, const T& in) { out = T(by * in); };
    team.each(width, scale, y, x);
  }
};

/// The three products of the table of operations.
template <class Real, class Master> class matmul {
 public:
  matmul(context& ctx, bool tf32)
      : ctx_(ctx), library_(opened()), forward_(ctx, library_, tf32, workspace_), gradient_(ctx, library_, tf32, workspace_) {}

  void nt(Real* y, const Real* x, matrix<const Real> w, const Real* bias, std::int64_t n, double alpha) {
    forward_("matmul_nt", {true, false, bias != nullptr, w.rows, n, w.width, w.width, w.width}, alpha, w.data, x, 0, y, bias);
  }
  void nn(Real* y, const Real* a, matrix<const Real> w, std::int64_t n, double alpha, double beta, const Real* bias, double bias_factor) {
    if (bias && bias_factor != 1 && n > 0) {
      Real* const own = bias_.get<Real>(std::size_t(w.width));
      run_rows(ctx_, scaled<Real>{bias, own, wide<Real>(bias_factor), w.width}, 1);
      bias = own;
    }
    forward_("matmul_nn", {false, false, bias != nullptr, w.width, n, w.rows, w.width, w.rows}, alpha, w.data, a, beta, y, bias);
  }
  void tn(matrix<Master> g, const Real* a, const Real* x, std::int64_t n, double alpha, Master* a_sum, Master* x_sum, double x_factor) {
    if (n == 0) return;
    gradient_("matmul_tn", {false, true, false, g.width, g.rows, n, g.width, g.rows}, alpha, x, a, 1, g.data, nullptr);
    if (a_sum) run_rows(ctx_, column_sums<Real, Master>{a, a_sum, Master(1), g.rows}, n);
    if (x_sum) run_rows(ctx_, column_sums<Real, Master>{x, x_sum, Master(x_factor), g.width}, n);
  }

 private:
  cublasLtHandle_t opened() {
    check(cublasLtCreate(handle_.to()), "the start of cuBLASLt");
    return handle_;
  }
  context& ctx_;
  described<cublasLtHandle_t, cublasLtDestroy> handle_;
  cublasLtHandle_t library_;
  scratch workspace_{ctx_.memory};
  products<Real, Real> forward_;
  products<Real, Master> gradient_;
  scratch bias_{ctx_.memory};
};

}  // namespace raptr::cuda_backend
