// SPDX-License-Identifier: Apache-2.0
// A backend that computes nothing and has no memory. A step run on it, with the working set of the backend that it stands for,
// counts launches, multiply-adds and activation bytes of a plan exactly, in microseconds.
#pragma once

#include <cstdint>
#include <string>

#include <raptr/backend/ops.hpp>

namespace raptr {

template <class Real, class Master, std::int64_t WorkingSet = std::int64_t(16) << 20> class counting_ops {
 public:
  using real = Real;
  using master = Master;
  static constexpr std::int64_t working_set = WorkingSet;
  static constexpr bool host_memory = true;

  template <class Epilogue> void matmul_nt(Real*, const Real*, matrix<const Real> w, const Real*, std::int64_t n, double, const Epilogue&) {
    product(w.rows, w.width, n);
  }
  void matmul_nn(Real*, const Real*, matrix<const Real> w, std::int64_t n, double, double, const Real*, double) { product(w.rows, w.width, n); }
  void matmul_tn(matrix<Master> g, const Real*, const Real*, std::int64_t n, double, Master*, Master*, double) { product(g.rows, g.width, n); }
  template <class K> void for_each_row(const K&, std::int64_t) { ++launches; }
  void attention(Real*, Master*, const Real*, head_shape, segment_list, score_offsets<const Real> = {}, const probability_dropout& = {}) {
    ++launches;
  }
  void attention_backward(Real*, const Real*, const Real*, const Master*, const Real*, head_shape, segment_list, score_offsets<const Real> = {},
                          Master* = nullptr, const probability_dropout& = {}) {
    ++launches;
  }
  template <class F, class... A> void elementwise(const F&, param_ranges, A...) { ++launches; }
  template <class F, class... A> void elementwise_sum(const F&, param_ranges, double*, A...) { ++launches; }
  template <class T> T* allocate(std::size_t) { return nullptr; }
  void release(void*) {}
  template <class T> void upload(T*, const T*, std::size_t) {}
  template <class T> ticket fetch(T*, const T*, std::size_t) { return 0; }
  void wait(ticket) {}
  std::string description() const { return "counting"; }

  std::int64_t launches = 0;
  double multiply_adds = 0;  // of the dense products

 private:
  void product(int rows, int width, std::int64_t n) { ++launches, multiply_adds += double(rows) * width * double(n); }
};

}  // namespace raptr
