// SPDX-License-Identifier: Apache-2.0
// The objects of cublasLt and what the library refuses. An algorithm remembers which problem it was found for, so that a cache of plans
// with too few keys is noticed.
#pragma once
#include <memory>
#include <set>

#include "matmul.hpp"
#include "streams.hpp"

struct cublasLtContext {
  int device;
};
struct cublasLtMatmulDescOpaque_t {
  cublasComputeType_t compute;
  cudaDataType_t scale;
  std::int32_t transpose_a = CUBLAS_OP_N, transpose_b = CUBLAS_OP_N, pointer_mode = CUBLASLT_POINTER_MODE_HOST, bias_type = -1;
  std::uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  const void* bias = nullptr;
};
struct cublasLtMatrixLayoutOpaque_t {
  emulator::inside::matrix shape;
};
struct cublasLtMatmulPreferenceOpaque_t {
  std::uint64_t workspace_bytes = 0;
  std::uint32_t reduction_schemes = CUBLASLT_REDUCTION_SCHEME_MASK;
  std::uint32_t alignment[4] = {256, 256, 256, 256};  // what the library takes for granted of A, B, C, D
};

namespace emulator::inside {

inline std::map<const void*, std::shared_ptr<void>> library_objects;

template <class T> cublasStatus_t add_object(T** to, T made) {
  if (to == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  auto owned = std::make_shared<T>(made);
  *to = owned.get();
  library_objects[*to] = std::move(owned);
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t remove_object(const void* object, cublasStatus_t if_unknown) {
  return library_objects.erase(object) == 1 ? CUBLAS_STATUS_SUCCESS : if_unknown;
}
template <class T> cublasStatus_t set_value(T& to, const void* value, std::size_t bytes) {
  if (value == nullptr || bytes != sizeof to) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&to, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

struct problem {
  const cublasLtMatmulDescOpaque_t& how;
  const matrix &a, &b, &c, &d;

  bool transpose_a() const { return how.transpose_a == CUBLAS_OP_T; }
  bool transpose_b() const { return how.transpose_b == CUBLAS_OP_T; }
  std::int64_t k() const { return transpose_a() ? a.rows : a.columns; }

  /// Of types that the library multiplies: one compute type for each kind of factor, and a bias of the type of D.
  bool supported() const {
    const bool is_double = how.compute == CUBLAS_COMPUTE_64F;
    if (how.scale != (is_double ? CUDA_R_64F : CUDA_R_32F) || a.type != b.type || c.type != d.type) return false;
    if (how.epilogue == CUBLASLT_EPILOGUE_BIAS && how.bias_type != -1 && how.bias_type != d.type) return false;
    if (is_double) return a.type == CUDA_R_64F && d.type == CUDA_R_64F;
    if (a.type == CUDA_R_32F) return d.type == CUDA_R_32F;
    return a.type == CUDA_R_16BF && how.compute == CUBLAS_COMPUTE_32F && (d.type == CUDA_R_16BF || d.type == CUDA_R_32F);
  }
  bool sizes_match() const {
    const std::int64_t m = transpose_a() ? a.columns : a.rows, n = transpose_b() ? b.rows : b.columns;
    if (m != d.rows || n != d.columns || k() != (transpose_b() ? b.columns : b.rows) || c.rows != d.rows || c.columns != d.columns) return false;
    for (const matrix* each : {&a, &b, &c, &d}) {
      if (each->rows <= 0 || each->columns <= 0 || each->leading < each->rows) return false;
    }
    return true;
  }
  /// Differs between problems that need plans of their own.
  std::uint64_t key() const {
    std::uint64_t hash = 0;
    for (const std::int64_t each : {d.rows, d.columns, k(), std::int64_t{how.transpose_a}, std::int64_t{how.transpose_b}, std::int64_t{how.compute},
                                    std::int64_t{a.type}, std::int64_t{d.type}, std::int64_t{how.epilogue}})
      hash = coin(hash ^ static_cast<std::uint64_t>(each)).bits();
    return hash;
  }
  std::uint64_t workspace_bytes(std::uint64_t most) const {
    return std::min(most, static_cast<std::uint64_t>(d.rows * d.columns) * 4 + 1024) / 256 * 256;
  }
};

// The words of an algorithm.
inline constexpr std::size_t algo_key = 0, algo_workspace = 1, algo_schemes = 2, algo_alignment = 3, algo_bias_alignment = 7;

inline cublasStatus_t check(const problem& p) {
  if (!p.sizes_match()) return CUBLAS_STATUS_INVALID_VALUE;
  return p.supported() ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

/// What one cublasLtMatmul does when its turn comes: pointers are checked then, because a free may have come in between.
struct queued_product {
  product what;
  matrix c;
  void* workspace;
  std::size_t workspace_bytes;

  void must_be_there(const char* name, const void* data, std::size_t bytes, bool performing) const {
    if (!device_memory.holds(data, bytes, performing))
      throw fault(text("cublasLtMatmul: %s (%zu bytes at %p) does not lie in one live block of device memory", name, bytes, data));
  }
  void check_memory(bool performing) const {
    must_be_there("A", what.a_data, what.a.bytes(), performing);
    must_be_there("B", what.b_data, what.b.bytes(), performing);
    must_be_there("D", what.d_data, what.d.bytes(), performing);
    if (what.beta != 0) must_be_there("C", what.c_data, c.bytes(), performing);
    if (what.bias) must_be_there("the bias", what.bias, static_cast<std::size_t>(what.d.rows) * what.d.element_bytes(), performing);
    if (workspace_bytes > 0) must_be_there("the workspace", workspace, workspace_bytes, performing);
  }
  /// The columns of a matrix without the gaps between them.
  template <class Pointer>
  static void touch(stream_thread& thread, Pointer* data, const matrix& of, void (stream_thread::*access)(Pointer*, std::size_t)) {
    using byte = std::conditional_t<std::is_const_v<Pointer>, const char, char>;
    if constexpr (!sees_races) return;
    for (std::int64_t column = 0; column < of.columns; ++column) {
      (thread.*access)(static_cast<byte*>(data) + static_cast<std::size_t>(column * of.leading) * of.element_bytes(),
                       static_cast<std::size_t>(of.rows) * of.element_bytes());
    }
  }
  void perform(stream_thread& thread) const {
    check_memory(true);
    touch(thread, what.a_data, what.a, &stream_thread::reads);
    touch(thread, what.b_data, what.b, &stream_thread::reads);
    if (what.beta != 0) touch(thread, what.c_data, c, &stream_thread::reads);
    touch(thread, what.d_data, what.d, &stream_thread::writes);
    if (workspace_bytes > 0) {
      thread.writes(workspace, workspace_bytes);
      std::memset(workspace, 0xff, workspace_bytes);  // a real algorithm writes there too
    }
    multiply(what);
  }
};

}  // namespace emulator::inside

using emulator::inside::add_object, emulator::inside::remove_object, emulator::inside::set_value;

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  if (emulator::inside::call([] { return cudaSuccess; }) != cudaSuccess) return CUBLAS_STATUS_NOT_INITIALIZED;
  return add_object(handle, cublasLtContext{emulator::inside::current_device});
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) { return remove_object(handle, CUBLAS_STATUS_NOT_INITIALIZED); }

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* description, cublasComputeType_t compute, cudaDataType_t scale) {
  return add_object(description, cublasLtMatmulDescOpaque_t{compute, scale});
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t description) { return remove_object(description, CUBLAS_STATUS_INVALID_VALUE); }

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t description, cublasLtMatmulDescAttributes_t attribute, const void* value,
                                              std::size_t bytes) {
  if (description == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_POINTER_MODE:
      return set_value(description->pointer_mode, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return set_value(description->transpose_a, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return set_value(description->transpose_b, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return set_value(description->epilogue, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return set_value(description->bias, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE:
      return set_value(description->bias_type, value, bytes);
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType type, std::uint64_t rows, std::uint64_t columns,
                                          std::int64_t leading_dimension) {
  return add_object(layout,
                    cublasLtMatrixLayoutOpaque_t{{type, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns), leading_dimension}});
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) { return remove_object(layout, CUBLAS_STATUS_INVALID_VALUE); }

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  return add_object(preference, cublasLtMatmulPreferenceOpaque_t{});
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  return remove_object(preference, CUBLAS_STATUS_INVALID_VALUE);
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* value, std::size_t bytes) {
  if (preference == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  switch (attribute) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      return set_value(preference->workspace_bytes, value, bytes);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
      return set_value(preference->reduction_schemes, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
      return set_value(preference->alignment[0], value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
      return set_value(preference->alignment[1], value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
      return set_value(preference->alignment[2], value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
      return set_value(preference->alignment[3], value, bytes);
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t description, cublasLtMatrixLayout_t a,
                                              cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int requested, cublasLtMatmulHeuristicResult_t results[],
                                              int* found) {
  using namespace emulator::inside;
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (!description || !a || !b || !c || !d || !preference || !results || !found || requested < 1) return CUBLAS_STATUS_INVALID_VALUE;
  const problem asked{*description, a->shape, b->shape, c->shape, d->shape};
  *found = 0;
  for (const std::uint32_t each : preference->alignment) {
    if (each == 0) return CUBLAS_STATUS_INVALID_VALUE;
  }
  const cublasStatus_t status = check(asked);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  const bool with_bias = description->epilogue == CUBLASLT_EPILOGUE_BIAS;
  if (!current_options.products || (with_bias && !current_options.products_with_bias)) return CUBLAS_STATUS_NOT_SUPPORTED;
  current_counts.promised_alignments.push_back(*std::min_element(preference->alignment, preference->alignment + 4));
  *found = 1;
  results[0] = {};
  results[0].state = CUBLAS_STATUS_SUCCESS;
  results[0].workspaceSize = asked.workspace_bytes(preference->workspace_bytes);
  results[0].wavesCount = 1;
  results[0].algo.data[algo_key] = asked.key();
  results[0].algo.data[algo_workspace] = results[0].workspaceSize;
  results[0].algo.data[algo_schemes] = preference->reduction_schemes;
  for (std::size_t k = 0; k < 4; ++k) results[0].algo.data[algo_alignment + k] = preference->alignment[k];
  // The alignment of the bias is not a preference: the heuristic reads it off the pointer, and null is aligned to anything.
  const std::uintptr_t bias = reinterpret_cast<std::uintptr_t>(description->bias) | 16;
  results[0].algo.data[algo_bias_alignment] = bias & (~bias + 1);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t description, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout, const void* beta, const void* c,
                              cublasLtMatrixLayout_t c_layout, void* d, cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algorithm,
                              void* workspace, std::size_t workspace_bytes, cudaStream_t stream) {
  using namespace emulator::inside;
  const host_unseen host;
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (!description || !alpha || !beta || !a || !b || !d || !a_layout || !b_layout || !c_layout || !d_layout) return CUBLAS_STATUS_INVALID_VALUE;
  if (call([] { return cudaSuccess; }) != cudaSuccess) return CUBLAS_STATUS_EXECUTION_FAILED;
  if (handle->device != current_device || !known(stream) || stream->device != current_device) return CUBLAS_STATUS_EXECUTION_FAILED;
  const cublasLtMatmulDescOpaque_t& how = *description;
  const problem asked{how, a_layout->shape, b_layout->shape, c_layout->shape, d_layout->shape};
  const cublasStatus_t status = check(asked);
  if (status != CUBLAS_STATUS_SUCCESS) return status;

  const bool has_bias = how.epilogue == CUBLASLT_EPILOGUE_BIAS;
  if (how.epilogue != CUBLASLT_EPILOGUE_DEFAULT && !has_bias) return CUBLAS_STATUS_NOT_SUPPORTED;
  if ((has_bias && how.bias == nullptr) || how.pointer_mode != CUBLASLT_POINTER_MODE_HOST) return CUBLAS_STATUS_INVALID_VALUE;
  const bool is_double = how.scale == CUDA_R_64F;
  const auto scalar = [&](const void* x) { return is_double ? *static_cast<const double*>(x) : double{*static_cast<const float*>(x)}; };
  const double factor = scalar(alpha), keep = scalar(beta);
  if (keep != 0 && c == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  for (const void* pointer : {a, b, keep != 0 ? c : nullptr, static_cast<const void*>(d), has_bias ? how.bias : nullptr}) {
    if (reinterpret_cast<std::uintptr_t>(pointer) % current_options.matmul_alignment != 0) return CUBLAS_STATUS_NOT_SUPPORTED;
  }

  // Without an algorithm the library asks its heuristic itself, with the default preference.
  std::uint64_t promised = asked.workspace_bytes(workspace_bytes), schemes = CUBLASLT_REDUCTION_SCHEME_MASK;
  if (algorithm != nullptr) {
    if (algorithm->data[algo_key] != asked.key()) return CUBLAS_STATUS_INVALID_VALUE;
    promised = algorithm->data[algo_workspace];
    schemes = algorithm->data[algo_schemes];
    if (has_bias && reinterpret_cast<std::uintptr_t>(how.bias) % algorithm->data[algo_bias_alignment] != 0)
      throw emulator::fault(text("cublasLtMatmul: misaligned address: the bias is at %p, its algorithm was chosen for one aligned to %d bytes",
                                 how.bias, static_cast<int>(algorithm->data[algo_bias_alignment])));
    const void* const operands[] = {a, b, keep != 0 ? c : nullptr, d};
    for (std::size_t k = 0; k < 4; ++k) {
      if (reinterpret_cast<std::uintptr_t>(operands[k]) % algorithm->data[algo_alignment + k] != 0) return CUBLAS_STATUS_NOT_SUPPORTED;
    }
  }
  if (promised > workspace_bytes || (promised > 0 && (workspace == nullptr || reinterpret_cast<std::uintptr_t>(workspace) % 256 != 0)))
    return CUBLAS_STATUS_INVALID_VALUE;
  const bool rounds_sums =
      d_layout->shape.type == CUDA_R_16BF && (schemes & (CUBLASLT_REDUCTION_SCHEME_INPLACE | CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE));
  ++current_counts.matmuls;
  if (rounds_sums) ++current_counts.summed_in_output_type;
  queued_product work{
      {a_layout->shape, b_layout->shape, d_layout->shape, asked.transpose_a(), asked.transpose_b(), how.compute == CUBLAS_COMPUTE_32F_FAST_TF32,
       rounds_sums, factor, keep, a, b, c, has_bias ? how.bias : nullptr, c_layout->shape.leading, d},
      c_layout->shape,
      workspace,
      promised};
  work.check_memory(false);
  enqueue(*stream, [stream, work] { work.perform(stream->thread); });
  return CUBLAS_STATUS_SUCCESS;
}
