// SPDX-License-Identifier: Apache-2.0
// The host device with a fault: one number that an operation writes, or that the optimizer is about to read, is replaced. The
// place is counted over one step, so a test can go through all of them; the steps after it meet the same fault.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <raptr/nn/layers/cross_entropy.hpp>

#include "devices.hpp"

namespace raptr::testing {

struct spoiling {
  static constexpr std::string_view name = "spoiling";
};
/// What is spoiled, shared with the test. Outputs are numbered from 0 within a step; -1: none.
struct spoiler {
  float value = 0;
  int output = -1;
  int gradient = -1;   // the first element of this tensor of the layout
  bool whole = false;  // or all elements of it
  bool loss = false;

  std::vector<std::string> names{};  // of the outputs of a step, from 0 on
  int seen = 0, of_step = 0;         // outputs so far, and how many a step has, once that is known
};
struct spoiling_options {
  spoiler* at = nullptr;
};

template <class Real, class Master> class spoiling_ops : public host_ops<Real, Master> {
  using base = host_ops<Real, Master>;

 public:
  explicit spoiling_ops(const spoiling_options& options = {}) : base(host_options{1}), at_(options.at) {}

  template <class Epilogue>
  void matmul_nt(Real* y, const Real* x, matrix<const Real> w, const Real* bias, std::int64_t n, double alpha, const Epilogue& epilogue) {
    base::matmul_nt(y, x, w, bias, n, alpha, no_epilogue{});
    written(std::is_same_v<Epilogue, cross_entropy<Real, Master>> ? "logits" : "product with W transposed", y, n * w.rows);
    base::for_each_row(epilogue, n);
  }
  void matmul_nn(Real* y, const Real* a, matrix<const Real> w, std::int64_t n, double alpha, double beta, const Real* bias, double bias_factor) {
    base::matmul_nn(y, a, w, n, alpha, beta, bias, bias_factor);
    written("product with W", y, n * w.width);
  }
  void matmul_tn(matrix<Master> g, const Real* a, const Real* x, std::int64_t n, double alpha, Master* a_sum, Master* x_sum, double x_factor) {
    base::matmul_tn(g, a, x, n, alpha, a_sum, x_sum, x_factor);
    written("gradient of W", g.data, std::int64_t{g.rows} * g.width);
    if (a_sum) written("sum of a", a_sum, g.rows);
    if (x_sum) written("sum of x", x_sum, g.width);
  }
  template <class K> void for_each_row(const K& kernel, std::int64_t n) {
    base::for_each_row(kernel, n);
    if constexpr (std::is_same_v<K, sum_rows>)
      if (at_->loss) *kernel.total = double(at_->value);
  }
  void attention(Real* mixed, Master* lse, const Real* qkv, head_shape h, segment_list list, score_offsets<const Real> offsets = {},
                 const probability_dropout& dropout = {}) {
    base::attention(mixed, lse, qkv, h, list, offsets, dropout);
    const std::int64_t n = rows_of(list) * h.groups * h.queries;
    written("mixed values", mixed, n * h.width), written("lse", lse, n);
  }
  void attention_backward(Real* dqkv, const Real* dmixed, const Real* mixed, const Master* lse, const Real* qkv, head_shape h, segment_list list,
                          score_offsets<const Real> offsets = {}, Master* doffsets = nullptr, const probability_dropout& dropout = {}) {
    base::attention_backward(dqkv, dmixed, mixed, lse, qkv, h, list, offsets, doffsets, dropout);
    written("gradient of qkv", dqkv, rows_of(list) * h.groups * (h.queries + 2) * h.width);
  }
  /// The optimizer begins with the squares of the gradients: this is where they are spoiled.
  using base::elementwise_sum;
  template <class F, class... More>
  void elementwise_sum(const F& f, param_ranges list, double* into, packed_array<const Master> gradients, More... more) {
    for (int k = 0; k < list.count; ++k)
      if (const param_range& r = list.device[k]; r.tensor == at_->gradient)
        for (std::int64_t i = 0; i < (at_->whole ? r.length : 1); ++i) const_cast<Master*>(gradients.data)[r.packed + i] = Master(at_->value);
    base::elementwise_sum(f, list, into, gradients, more...);
  }

 private:
  static std::int64_t rows_of(segment_list list) {
    std::int64_t n = 0;
    for (int s = 0; s < list.count; ++s) n += list.host[s].length;
    return n;
  }
  template <class T> void written(const char* what, T* data, std::int64_t n) {
    if (at_->of_step == 0) at_->names.push_back(what);
    const int number = at_->of_step ? at_->seen % at_->of_step : -2;
    ++at_->seen;
    if (number == at_->output) data[n / 2] = T(at_->value);
  }

  spoiler* at_;
};

}  // namespace raptr::testing

template <> struct raptr::backend_of<raptr::testing::spoiling> {
  using options = testing::spoiling_options;
  template <class Real, class Master> using ops = testing::spoiling_ops<Real, Master>;
};
