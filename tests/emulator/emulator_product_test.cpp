// SPDX-License-Identifier: Apache-2.0
// The emulator's cublasLt: every type, transpose, leading dimension and epilogue against the definition, and what the library refuses.
#include <cublasLt.h>
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "emulator_support.hpp"

using namespace emulator_tests;

namespace {

float from_bf16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
/// Exact for the small whole numbers and halves of these tests.
std::uint16_t to_bf16(double x) { return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(x)) >> 16); }

/// A matrix on the device with values that every type holds exactly, and its values as double.
struct matrix_on_device {
  matrix_on_device(device& gpu, cudaDataType_t of, std::int64_t row_count, std::int64_t column_count, std::int64_t gap, int salt)
      : type(of), rows(row_count), columns(column_count), leading(row_count + gap), values(static_cast<std::size_t>(leading * columns)) {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>((i * 7 + static_cast<std::size_t>(salt)) % 11) - 5;
    if (type == CUDA_R_64F) data = gpu.array(values);
    if (type == CUDA_R_32F) data = gpu.array(std::vector<float>(values.begin(), values.end()));
    if (type == CUDA_R_16BF) {
      std::vector<std::uint16_t> bits;
      for (const double x : values) bits.push_back(to_bf16(x));
      data = gpu.array(bits);
    }
    cublasLtMatrixLayoutCreate(&layout, type, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns), leading);
  }
  double at(std::int64_t row, std::int64_t column) const { return values[static_cast<std::size_t>(column * leading + row)]; }
  std::vector<double> now(device& gpu) const {
    if (type == CUDA_R_64F) return gpu.values(static_cast<const double*>(data), values.size());
    std::vector<double> read;
    if (type == CUDA_R_32F) {
      for (const float x : gpu.values(static_cast<const float*>(data), values.size())) read.push_back(double{x});
    } else {
      for (const std::uint16_t x : gpu.values(static_cast<const std::uint16_t*>(data), values.size())) read.push_back(double{from_bf16(x)});
    }
    return read;
  }

  cudaDataType_t type;
  std::int64_t rows, columns, leading;
  std::vector<double> values;
  void* data = nullptr;
  cublasLtMatrixLayout_t layout = nullptr;
};

struct multiplier {
  multiplier(cublasComputeType_t compute, cudaDataType_t scale_type) : scale(scale_type) {
    cublasLtCreate(&handle);
    cublasLtMatmulDescCreate(&description, compute, scale);
    cublasLtMatmulPreferenceCreate(&preference);
    const std::uint64_t most = 4096;
    cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most, sizeof most);
  }
  void set_alignment_of_a(std::uint32_t bytes) {
    cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &bytes, sizeof bytes);
  }
  template <class T> cublasStatus_t set(cublasLtMatmulDescAttributes_t attribute, T value) {
    return cublasLtMatmulDescSetAttribute(description, attribute, &value, sizeof value);
  }
  void set_transposes(bool a, bool b) {
    set(CUBLASLT_MATMUL_DESC_TRANSA, a ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_TRANSB, b ? CUBLAS_OP_T : CUBLAS_OP_N);
  }
  cublasStatus_t find(const matrix_on_device& a, const matrix_on_device& b, const matrix_on_device& d) {
    return cublasLtMatmulAlgoGetHeuristic(handle, description, a.layout, b.layout, d.layout, d.layout, preference, 1, &best, &found);
  }
  cublasStatus_t multiply(device& gpu, double alpha, const void* a, cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout,
                          double beta, void* d, cublasLtMatrixLayout_t d_layout, void* workspace, std::size_t workspace_bytes) {
    const auto alpha_float = static_cast<float>(alpha), beta_float = static_cast<float>(beta);
    const bool is_double = scale == CUDA_R_64F;
    const auto pick = [&](const double& wide, const float& narrow) { return is_double ? static_cast<const void*>(&wide) : &narrow; };
    return cublasLtMatmul(handle, description, pick(alpha, alpha_float), a, a_layout, b, b_layout, pick(beta, beta_float), d, d_layout, d, d_layout,
                          &best.algo, workspace, workspace_bytes, gpu.stream);
  }
  cublasStatus_t multiply(device& gpu, double alpha, const matrix_on_device& a, const matrix_on_device& b, double beta, matrix_on_device& d) {
    const cublasStatus_t status = find(a, b, d);
    if (status != CUBLAS_STATUS_SUCCESS) return status;
    void* const workspace = gpu.array<char>(4096);
    return multiply(gpu, alpha, a.data, a.layout, b.data, b.layout, beta, d.data, d.layout, workspace, 4096);
  }

  cudaDataType_t scale;
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t description = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
  cublasLtMatmulHeuristicResult_t best{};
  int found = -1;
};

struct types {
  cublasComputeType_t compute;
  cudaDataType_t scale, in, out;
};
constexpr types all_types[] = {{CUBLAS_COMPUTE_32F, CUDA_R_32F, CUDA_R_32F, CUDA_R_32F},
                               {CUBLAS_COMPUTE_32F_FAST_TF32, CUDA_R_32F, CUDA_R_32F, CUDA_R_32F},
                               {CUBLAS_COMPUTE_64F, CUDA_R_64F, CUDA_R_64F, CUDA_R_64F},
                               {CUBLAS_COMPUTE_32F, CUDA_R_32F, CUDA_R_16BF, CUDA_R_16BF},
                               {CUBLAS_COMPUTE_32F, CUDA_R_32F, CUDA_R_16BF, CUDA_R_32F}};

}  // namespace

TEST_CASE("a product is what its definition says, for all types, transposes, gaps, factors and biases") {
  int salt = 0;
  for (const types& of : all_types) {
    for (int bits = 0; bits < 32; ++bits) {
      const bool transpose_a = bits & 1, transpose_b = bits & 2, has_bias = bits & 4, adds = bits & 8;
      const std::int64_t gap = bits & 16 ? 3 : 0, m = 5 + 14 * (bits % 3), n = 1 + bits % 6, k = 1 + bits % 5;
      device gpu(emulator::order::random, static_cast<std::uint64_t>(bits));
      const matrix_on_device a(gpu, of.in, transpose_a ? k : m, transpose_a ? m : k, gap, ++salt);
      const matrix_on_device b(gpu, of.in, transpose_b ? n : k, transpose_b ? k : n, gap, ++salt);
      const matrix_on_device bias(gpu, of.out, m, 1, 0, ++salt);
      matrix_on_device d(gpu, of.out, m, n, gap, ++salt);
      multiplier gemm(of.compute, of.scale);
      gemm.set_transposes(transpose_a, transpose_b);
      if (has_bias) {
        gemm.set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
        gemm.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<const void*>(bias.data));
        gemm.set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, of.out);
      }
      const double alpha = 2, beta = adds ? -1 : 0;
      REQUIRE(gemm.multiply(gpu, alpha, a, b, beta, d) == CUBLAS_STATUS_SUCCESS);
      CHECK(gemm.found == 1);
      const std::vector<double> result = d.now(gpu);
      for (std::int64_t column = 0; column < n; ++column) {
        for (std::int64_t row = 0; row < d.leading; ++row) {
          double expected = d.at(row, column);
          if (row < m) {
            expected *= beta;
            for (std::int64_t i = 0; i < k; ++i)
              expected += alpha * (transpose_a ? a.at(i, row) : a.at(row, i)) * (transpose_b ? b.at(column, i) : b.at(i, column));
            if (has_bias) expected += bias.at(row, 0);
          }
          if (of.out == CUDA_R_16BF && std::abs(expected) > 256) continue;  // more bits than bfloat16 has
          CHECK(result[static_cast<std::size_t>(column * d.leading + row)] == expected);
        }
      }
    }
  }
}

TEST_CASE("beta = 0 reads nothing of C, so NaN there does not matter") {
  device gpu;
  const matrix_on_device a(gpu, CUDA_R_32F, 4, 4, 0, 1), b(gpu, CUDA_R_32F, 4, 4, 0, 2);
  matrix_on_device d(gpu, CUDA_R_32F, 4, 4, 0, 3);
  multiplier gemm(CUBLAS_COMPUTE_32F, CUDA_R_32F);
  cudaMemsetAsync(d.data, 0xff, 64, gpu.stream);
  REQUIRE(gemm.multiply(gpu, 1, a, b, 0, d) == CUBLAS_STATUS_SUCCESS);
  for (const double x : d.now(gpu)) CHECK(std::isfinite(x));
  cudaMemsetAsync(d.data, 0xff, 64, gpu.stream);
  REQUIRE(gemm.multiply(gpu, 1, a, b, 1, d) == CUBLAS_STATUS_SUCCESS);
  for (const double x : d.now(gpu)) CHECK(std::isnan(x));
}

TEST_CASE("TF32 drops bits of the factors, and plain fp32 does not") {
  for (const bool tf32 : {false, true}) {
    device gpu;
    const matrix_on_device b(gpu, CUDA_R_32F, 1, 1, 0, 6);  // the value 1
    matrix_on_device a(gpu, CUDA_R_32F, 1, 1, 0, 0), d(gpu, CUDA_R_32F, 1, 1, 0, 0);
    const float value = 1.0f + 1.0f / 4096;
    cudaMemcpyAsync(a.data, &value, 4, cudaMemcpyHostToDevice, gpu.stream);
    multiplier gemm(tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F);
    REQUIRE(b.values[0] == 1);
    REQUIRE(gemm.multiply(gpu, 1, a, b, 0, d) == CUBLAS_STATUS_SUCCESS);
    CHECK((d.now(gpu)[0] == double{value}) == !tf32);
  }
}

TEST_CASE("a preference that allows split-K to sum in bfloat16 is taken at its word") {
  for (const std::uint32_t mask : {std::uint32_t{CUBLASLT_REDUCTION_SCHEME_MASK}, std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE}}) {
    device gpu;
    matrix_on_device a(gpu, CUDA_R_16BF, 1, 2, 0, 0), b(gpu, CUDA_R_16BF, 2, 1, 0, 0), d(gpu, CUDA_R_16BF, 1, 1, 0, 0);
    const std::uint16_t left[] = {to_bf16(129), to_bf16(1)}, right[] = {to_bf16(129), to_bf16(-16640)};
    cudaMemcpyAsync(a.data, left, 4, cudaMemcpyHostToDevice, gpu.stream);
    cudaMemcpyAsync(b.data, right, 4, cudaMemcpyHostToDevice, gpu.stream);
    multiplier gemm(CUBLAS_COMPUTE_32F, CUDA_R_32F);
    cublasLtMatmulPreferenceSetAttribute(gemm.preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &mask, sizeof mask);
    REQUIRE(gemm.multiply(gpu, 1, a, b, 0, d) == CUBLAS_STATUS_SUCCESS);
    const bool exact = mask == CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    CHECK((d.now(gpu)[0] == 1) == exact);
    CHECK(emulator::counts().summed_in_output_type == (exact ? 0 : 1));
  }
}

TEST_CASE("products wait in their stream like everything else, and are counted") {
  device gpu(emulator::order::lazy);
  const matrix_on_device a(gpu, CUDA_R_32F, 2, 2, 0, 1), b(gpu, CUDA_R_32F, 2, 2, 0, 2);
  matrix_on_device d(gpu, CUDA_R_32F, 2, 2, 0, 3);
  multiplier gemm(CUBLAS_COMPUTE_32F, CUDA_R_32F);
  cudaStreamSynchronize(gpu.stream);
  REQUIRE(gemm.multiply(gpu, 1, a, b, 0, d) == CUBLAS_STATUS_SUCCESS);
  CHECK(emulator::pending() == 2);  // the workspace's allocation, the product
  CHECK(emulator::counts().matmuls == 1);
  CHECK(emulator::counts().synchronisations == 1);
  d.now(gpu);
  CHECK(emulator::pending() == 0);
}

TEST_CASE("what the library refuses is refused") {
  device gpu;
  const matrix_on_device a(gpu, CUDA_R_32F, 8, 4, 0, 1), b(gpu, CUDA_R_32F, 4, 8, 0, 2), half(gpu, CUDA_R_16BF, 4, 8, 0, 2);
  matrix_on_device d(gpu, CUDA_R_32F, 8, 8, 0, 3), small(gpu, CUDA_R_32F, 8, 7, 0, 3);
  multiplier gemm(CUBLAS_COMPUTE_32F, CUDA_R_32F);
  CHECK(gemm.find(a, half, d) == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(gemm.found == 0);
  CHECK(gemm.find(a, b, small) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(gemm.find(a, a, d) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(multiplier(CUBLAS_COMPUTE_64F, CUDA_R_64F).find(a, b, d) == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(multiplier(CUBLAS_COMPUTE_32F, CUDA_R_64F).find(a, b, d) == CUBLAS_STATUS_NOT_SUPPORTED);

  gemm.set_alignment_of_a(16);
  REQUIRE(gemm.find(a, b, d) == CUBLAS_STATUS_SUCCESS);
  const std::size_t promised = gemm.best.workspaceSize;
  CHECK(promised > 0);
  CHECK(promised <= 4096);
  void* const workspace = gpu.array<char>(4096);
  const auto multiply = [&](const void* from, cublasLtMatrixLayout_t layout, void* work, std::size_t bytes) {
    return gemm.multiply(gpu, 1, from, layout, b.data, b.layout, 0, d.data, d.layout, work, bytes);
  };
  CHECK(multiply(a.data, a.layout, workspace, promised) == CUBLAS_STATUS_SUCCESS);
  CHECK(multiply(a.data, a.layout, workspace, promised - 1) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(multiply(a.data, a.layout, static_cast<char*>(workspace) + 16, promised) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(multiply(nullptr, a.layout, workspace, promised) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(multiply(static_cast<float*>(a.data) + 1, a.layout, workspace, promised) == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK_THROWS_AS(multiply(static_cast<float*>(a.data) + 4, a.layout, workspace, promised), emulator::fault);
  const std::vector<float> on_host(32);
  CHECK_THROWS_AS(
      multiply(reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(on_host.data()) & ~std::uintptr_t{15}), a.layout, workspace, promised),
      emulator::fault);
  cublasLtMatrixLayout_t narrow = nullptr;
  CHECK(cublasLtMatrixLayoutCreate(&narrow, CUDA_R_32F, 8, 4, 7) == CUBLAS_STATUS_SUCCESS);
  CHECK(multiply(a.data, narrow, workspace, promised) == CUBLAS_STATUS_INVALID_VALUE);

  gemm.set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
  CHECK(multiply(a.data, a.layout, workspace, promised) == CUBLAS_STATUS_INVALID_VALUE);  // another plan, and no bias pointer
  CHECK(gemm.set(CUBLASLT_MATMUL_DESC_TRANSA, std::int64_t{0}) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(cublasLtMatmul(nullptr, gemm.description, nullptr, a.data, a.layout, b.data, b.layout, nullptr, d.data, d.layout, d.data, d.layout, nullptr,
                       nullptr, 0, gpu.stream) == CUBLAS_STATUS_NOT_INITIALIZED);
}

TEST_CASE("an algorithm takes pointers for as well aligned as its preference said, 256 bytes if it said nothing") {
  for (const bool said : {false, true}) {
    device gpu;
    const matrix_on_device a(gpu, CUDA_R_32F, 8, 8, 0, 1), b(gpu, CUDA_R_32F, 4, 8, 0, 2), part(gpu, CUDA_R_32F, 8, 4, 0, 1);
    matrix_on_device d(gpu, CUDA_R_32F, 8, 8, 0, 3);
    multiplier gemm(CUBLAS_COMPUTE_32F, CUDA_R_32F);
    if (said) gemm.set_alignment_of_a(32);
    REQUIRE(gemm.find(part, b, d) == CUBLAS_STATUS_SUCCESS);
    void* const workspace = gpu.array<char>(4096);
    const auto from_column = [&](int column) {
      return gemm.multiply(gpu, 1, static_cast<float*>(a.data) + 8 * column, part.layout, b.data, b.layout, 0, d.data, d.layout, workspace, 4096);
    };
    CHECK(from_column(0) == CUBLAS_STATUS_SUCCESS);
    CHECK(from_column(1) == (said ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED));
  }
}

TEST_CASE("a plan is for one shape only") {
  device gpu;
  const matrix_on_device a(gpu, CUDA_R_32F, 8, 4, 0, 1), b(gpu, CUDA_R_32F, 4, 8, 0, 2), narrow(gpu, CUDA_R_32F, 4, 4, 0, 2);
  matrix_on_device d(gpu, CUDA_R_32F, 8, 8, 0, 3), e(gpu, CUDA_R_32F, 8, 4, 0, 3);
  multiplier gemm(CUBLAS_COMPUTE_32F, CUDA_R_32F);
  REQUIRE(gemm.find(a, b, d) == CUBLAS_STATUS_SUCCESS);
  void* const workspace = gpu.array<char>(4096);
  CHECK(gemm.multiply(gpu, 1, a.data, a.layout, narrow.data, narrow.layout, 0, e.data, e.layout, workspace, 4096) == CUBLAS_STATUS_INVALID_VALUE);
}

TEST_CASE("the workspace is written up to the size that was promised") {
  device gpu;
  const matrix_on_device a(gpu, CUDA_R_32F, 2, 2, 0, 1), b(gpu, CUDA_R_32F, 2, 2, 0, 2);
  matrix_on_device d(gpu, CUDA_R_32F, 2, 2, 0, 3);
  multiplier gemm(CUBLAS_COMPUTE_32F, CUDA_R_32F);
  REQUIRE(gemm.find(a, b, d) == CUBLAS_STATUS_SUCCESS);
  const std::size_t bytes = gemm.best.workspaceSize;
  auto* const workspace = gpu.array(std::vector<unsigned char>(bytes + 1));
  REQUIRE(gemm.multiply(gpu, 1, a.data, a.layout, b.data, b.layout, 0, d.data, d.layout, workspace, bytes + 1) == CUBLAS_STATUS_SUCCESS);
  const std::vector<unsigned char> after = gpu.values(workspace, bytes + 1);
  for (std::size_t i = 0; i < bytes; ++i) CHECK(after[i] == 0xff);
  CHECK(after[bytes] == 0);
}

TEST_CASE("objects of the library are counted, and destroyed once") {
  device gpu;
  multiplier gemm(CUBLAS_COMPUTE_32F, CUDA_R_32F);
  CHECK(emulator::alive().library_objects == 3);
  CHECK(cublasLtMatmulPreferenceDestroy(gemm.preference) == CUBLAS_STATUS_SUCCESS);
  CHECK(cublasLtMatmulPreferenceDestroy(gemm.preference) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(cublasLtMatmulDescDestroy(gemm.description) == CUBLAS_STATUS_SUCCESS);
  CHECK(cublasLtDestroy(gemm.handle) == CUBLAS_STATUS_SUCCESS);
  CHECK(cublasLtDestroy(gemm.handle) == CUBLAS_STATUS_NOT_INITIALIZED);
  CHECK(emulator::alive().library_objects == 0);
  emulator::options().devices = 0;
  CHECK(cublasLtCreate(&gemm.handle) == CUBLAS_STATUS_NOT_INITIALIZED);
}
