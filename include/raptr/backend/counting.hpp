// SPDX-License-Identifier: Apache-2.0
// A backend that computes nothing and has no memory: the same step on it tells launches, multiply-adds and activation
// bytes of a plan, exactly and in microseconds.
#pragma once

#include <cstdint>
#include <string>

#include <raptr/backend/ops.hpp>

namespace raptr {

template <class Real, class Master> class counting_ops {
 public:
  using real = Real;
  using master = Master;

  template <class Then> void matmul_nt(Real*, const Real*, matrix<const Real> w, const Real*, std::int64_t n, Real, const Then&) {
    product(w.rows, w.width, n);
  }
  void matmul_nn(Real*, const Real*, matrix<const Real> w, std::int64_t n, Real, Real, const Real*, Real) { product(w.rows, w.width, n); }
  void matmul_tn(matrix<Master> g, const Real*, const Real*, std::int64_t n, Real, Master*, Master*, Real) { product(g.rows, g.width, n); }
  template <class P> void rows(const P&, std::int64_t) { ++launches; }
  void attention(Real*, Master*, const Real*, head_shape, segment_list) { ++launches; }
  void attention_backward(Real*, const Real*, const Real*, const Master*, const Real*, head_shape, segment_list) { ++launches; }
  template <class F, class... A> void walk(const F&, walk_list, A...) { ++launches; }
  template <class F, class... A> void walk_sum(const F&, walk_list, double*, A...) { ++launches; }
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
