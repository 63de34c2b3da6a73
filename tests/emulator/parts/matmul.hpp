// SPDX-License-Identifier: Apache-2.0
// The arithmetic of cublasLtMatmul: D = alpha op(A) op(B) + beta C + bias, column-major, always in the same order of summation. Both
// factors are copied into tiles first, so one loop serves all transposes and is vectorised.
#pragma once
#include <cublasLt.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

namespace emulator::inside {

struct bfloat16_bits {
  std::uint16_t bits;
};
inline float load(const float& x) { return x; }
inline double load(const double& x) { return x; }
inline float load(const bfloat16_bits& x) { return std::bit_cast<float>(std::uint32_t{x.bits} << 16); }
inline void store(float& to, float x) { to = x; }
inline void store(double& to, double x) { to = x; }
inline void store(bfloat16_bits& to, float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
  to.bits = static_cast<std::uint16_t>(nan ? bits >> 16 | 0x40u : (bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}
/// The 10 bits of fraction that tensor cores keep of a float when TF32 is allowed.
inline float to_tf32(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return (bits & 0x7f800000u) == 0x7f800000u ? x : std::bit_cast<float>((bits + 0x1000u) & ~0x1fffu);
}
inline double to_tf32(double x) { return x; }

struct matrix {
  cudaDataType_t type;
  std::int64_t rows, columns, leading;

  std::size_t element_bytes() const { return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2; }
  /// From its first element to its last, gaps between columns included.
  std::size_t bytes() const { return static_cast<std::size_t>((columns - 1) * leading + rows) * element_bytes(); }
};

struct product {
  matrix a, b, d;
  bool transpose_a, transpose_b, tf32;
  bool sum_in_output_type;  // split-K in two, the first sum rounded to the type of D
  double alpha, beta;
  const void *a_data, *b_data, *c_data, *bias;
  std::int64_t c_leading;
  void* d_data;
};

template <class In, class Out, class Sum> class multiplication {
 public:
  explicit multiplication(const product& p) : p_(p), m_(p.d.rows), n_(p.d.columns), k_(p.transpose_a ? p.a.rows : p.a.columns) {
    const std::int64_t panels = (n_ + wide - 1) / wide;
    b_.assign(static_cast<std::size_t>(panels * wide * k_), Sum(0));
    a_.assign(static_cast<std::size_t>(tall * k_), Sum(0));
    for (std::int64_t column = 0; column < n_; ++column) {
      Sum* const panel = b_.data() + column / wide * wide * k_ + column % wide;
      for (std::int64_t i = 0; i < k_; ++i) panel[i * wide] = element(p.b_data, p.b.leading, p.transpose_b, i, column);
    }
    for (std::int64_t row = 0; row < m_; row += tall) {
      const std::int64_t rows = std::min<std::int64_t>(tall, m_ - row);
      for (std::int64_t i = 0; i < k_; ++i) {
        for (std::int64_t r = 0; r < rows; ++r)
          a_[static_cast<std::size_t>(i * tall + r)] = element(p.a_data, p.a.leading, p.transpose_a, row + r, i);
      }
      for (std::int64_t column = 0; column < n_; column += wide) tile(row, rows, column, std::min<std::int64_t>(wide, n_ - column));
    }
  }

 private:
  static constexpr int tall = 16, wide = 4;

  Sum element(const void* data, std::int64_t leading, bool transposed, std::int64_t row, std::int64_t column) const {
    const In& at = static_cast<const In*>(data)[transposed ? row * leading + column : column * leading + row];
    const Sum x = load(at);
    return p_.tf32 ? to_tf32(x) : x;
  }

  void tile(std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns) {
    Sum sum[wide][tall] = {};
    const Sum* const panel = b_.data() + column * k_;
    const std::int64_t middle = p_.sum_in_output_type ? k_ / 2 : 0;
    for (std::int64_t i = 0; i < k_; ++i) {
      if (i == middle && i != 0) round(sum);
      const Sum* const x = a_.data() + i * tall;
      for (int c = 0; c < wide; ++c) {
        const Sum y = panel[i * wide + c];
        for (int r = 0; r < tall; ++r) sum[c][r] += x[r] * y;
      }
    }
    const auto alpha = static_cast<Sum>(p_.alpha), beta = static_cast<Sum>(p_.beta);
    for (std::int64_t c = 0; c < columns; ++c) {
      for (std::int64_t r = 0; r < rows; ++r) {
        Sum x = alpha * sum[c][r];
        if (beta != 0) x += beta * load(static_cast<const Out*>(p_.c_data)[(column + c) * p_.c_leading + row + r]);
        if (p_.bias) x += load(static_cast<const Out*>(p_.bias)[row + r]);
        store(static_cast<Out*>(p_.d_data)[(column + c) * p_.d.leading + row + r], x);
      }
    }
  }

  static void round(Sum (&sum)[wide][tall]) {
    for (auto& column : sum) {
      for (Sum& x : column) {
        Out rounded;
        store(rounded, x);
        x = load(rounded);
      }
    }
  }

  const product& p_;
  const std::int64_t m_, n_, k_;
  std::vector<Sum> a_, b_;
};

inline void multiply(const product& p) {
  if (p.a.type == CUDA_R_64F) multiplication<double, double, double>{p};
  if (p.a.type == CUDA_R_32F) multiplication<float, float, float>{p};
  if (p.a.type == CUDA_R_16BF && p.d.type == CUDA_R_16BF) multiplication<bfloat16_bits, bfloat16_bits, float>{p};
  if (p.a.type == CUDA_R_16BF && p.d.type == CUDA_R_32F) multiplication<bfloat16_bits, float, float>{p};
}

}  // namespace emulator::inside
