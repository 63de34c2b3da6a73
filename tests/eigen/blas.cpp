// SPDX-License-Identifier: Apache-2.0
// With EIGEN_USE_BLAS the products of raptr::eigen go to the user's BLAS. This one is the program's own: it has what Eigen calls for the
// products of float and double, in plain loops, and counts. Nothing else links if Eigen should call for more.
#define EIGEN_USE_BLAS
#include <raptr/backend/cpu.hpp>
#include <raptr/backend/eigen.hpp>

#include <doctest/doctest.h>

#include <atomic>

#include "../backend/matmul_runs.hpp"

namespace {
std::atomic<int> calls = 0;
/// int in Eigen 3.4, void in Eigen 5.
using blas_result = decltype(sgemv_(nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr));
bool is_transposed(const char* how) { return *how == 'T' || *how == 't' || *how == 'C' || *how == 'c'; }

/// c (m, n) = alpha op(a) op(b) + beta c, by columns.
template <class T> void gemm(const char* how_a, const char* how_b, const int* m, const int* n, const int* k, const T* alpha, const T* a,
                             const int* lda, const T* b, const int* ldb, const T* beta, T* c, const int* ldc) {
  ++calls;
  const auto at = [](const T* from, const int* stride, bool transposed, int row, int column) {
    return double(transposed ? from[std::ptrdiff_t(row) * *stride + column] : from[std::ptrdiff_t(column) * *stride + row]);
  };
  for (int j = 0; j < *n; ++j)
    for (int i = 0; i < *m; ++i) {
      double sum = 0;
      for (int l = 0; l < *k; ++l) sum += at(a, lda, is_transposed(how_a), i, l) * at(b, ldb, is_transposed(how_b), l, j);
      T& to = c[std::ptrdiff_t(j) * *ldc + i];
      to = T(double(*alpha) * sum + (*beta == T(0) ? 0 : double(*beta) * double(to)));
    }
}
/// y (m or n) = alpha op(a) x + beta y.
template <class T> void gemv(const char* how, const int* m, const int* n, const T* alpha, const T* a, const int* lda, const T* x, const int* step_x,
                             const T* beta, T* y, const int* step_y) {
  ++calls;
  const bool transposed = is_transposed(how);
  for (int i = 0; i < (transposed ? *n : *m); ++i) {
    double sum = 0;
    for (int l = 0; l < (transposed ? *m : *n); ++l)
      sum += double(transposed ? a[std::ptrdiff_t(i) * *lda + l] : a[std::ptrdiff_t(l) * *lda + i]) * double(x[std::ptrdiff_t(l) * *step_x]);
    T& to = y[std::ptrdiff_t(i) * *step_y];
    to = T(double(*alpha) * sum + (*beta == T(0) ? 0 : double(*beta) * double(to)));
  }
}
}  // namespace

extern "C" {
blas_result sgemm_(const char* how_a, const char* how_b, const int* m, const int* n, const int* k, const float* alpha, const float* a, const int* lda,
                   const float* b, const int* ldb, const float* beta, float* c, const int* ldc) {
  return gemm(how_a, how_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc), blas_result();
}
blas_result dgemm_(const char* how_a, const char* how_b, const int* m, const int* n, const int* k, const double* alpha, const double* a,
                   const int* lda, const double* b, const int* ldb, const double* beta, double* c, const int* ldc) {
  return gemm(how_a, how_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc), blas_result();
}
blas_result sgemv_(const char* how, const int* m, const int* n, const float* alpha, const float* a, const int* lda, const float* x, const int* step_x,
                   const float* beta, float* y, const int* step_y) {
  return gemv(how, m, n, alpha, a, lda, x, step_x, beta, y, step_y), blas_result();
}
blas_result dgemv_(const char* how, const int* m, const int* n, const double* alpha, const double* a, const int* lda, const double* x,
                   const int* step_x, const double* beta, double* y, const int* step_y) {
  return gemv(how, m, n, alpha, a, lda, x, step_x, beta, y, step_y), blas_result();
}
}

namespace {
using namespace raptr;
using namespace raptr::testing;

template <class Device, class Real> auto products_of(const product_size& size) {
  typename backend_of<Device>::template ops<Real, Real> ops(cpu_options{.threads = 2});
  return run_products(ops, size, after::normalise);
}
template <class Real> void products_go_to_the_blas(double bound) {
  for (const product_size& size : {product_size{65, 33, 40}, product_size{300, 130, 70}, product_size{1, 40, 40}, product_size{70, 1, 40}}) {
    CAPTURE(size.n);
    CAPTURE(size.rows);
    calls = 0;
    const auto got = products_of<eigen, Real>(size);
    CHECK(calls >= 6);  // of the six products at least one each
    calls = 0;
    const auto want = products_of<cpu, Real>(size);
    CHECK(calls == 0);
    CHECK(distance(got.nt, want.nt) < bound);
    CHECK(distance(got.nt_bias, want.nt_bias) < bound);
    CHECK(distance(got.nn, want.nn) < bound);
    CHECK(distance(got.nn_add, want.nn_add) < bound);
    CHECK(distance(got.tn, want.tn) < bound);
  }
}
TEST_CASE("Products in float go to the BLAS of the program and have the values of raptr::cpu") { products_go_to_the_blas<float>(5e-5); }
TEST_CASE("Products in double go to the BLAS of the program and have the values of raptr::cpu") { products_go_to_the_blas<double>(1e-13); }

}  // namespace
