// SPDX-License-Identifier: Apache-2.0
// Compiled with OpenMP, Eigen would divide large products among the threads of OpenMP. On raptr::eigen it does not: bits do not depend on
// them, and what the caller has set for its own loops is as it was.
#include <doctest/doctest.h>
#include <omp.h>

#include <raptr/backend/eigen.hpp>

#include "../backend/matmul_runs.hpp"
#include "agreement.hpp"

#if !defined(EIGEN_HAS_OPENMP)
#error "this program is about an Eigen with OpenMP"
#endif

namespace {
using namespace raptr;
using namespace raptr::testing;

/// f() while the caller asks OpenMP for so many threads.
template <class F> auto with_threads(int threads, F f) {
  omp_set_num_threads(threads);
  const auto result = f();
  CHECK(omp_get_max_threads() == threads);
  CHECK(Eigen::nbThreads() == threads);
  omp_set_num_threads(1);
  return result;
}

TEST_CASE("Eigen has one thread within a scope, and what the caller had after it") {
  with_threads(4, [] {
    {
      const eigen_backend::one_thread scope;
      CHECK(omp_get_max_threads() == 1);
      CHECK(Eigen::nbThreads() == 1);
    }
    CHECK(Eigen::nbThreads() == 4);
    return 0;
  });
}

TEST_CASE("Products have the same bits for 1, 2 and 4 threads of OpenMP, on one thread of raptr and on two") {
  const product_size size{512, 384, 400};
  for (int own : {1, 2}) {
    const auto products = [&] {
      backend_of<eigen>::ops<float, float> ops(cpu_options{.threads = own});
      return run_products(ops, size, after::normalise);
    };
    const auto want = with_threads(1, products);
    for (int threads : {2, 4}) {
      const auto got = with_threads(threads, products);
      CHECK(got.nt == want.nt);
      CHECK(got.nt_bias == want.nt_bias);
      CHECK(got.nn == want.nn);
      CHECK(got.nn_add == want.nn_add);
      CHECK(got.tn == want.tn);
    }
  }
}

TEST_CASE("A product runs within such a scope") {
  with_threads(4, [] {
    Eigen::MatrixXf a = Eigen::MatrixXf::Random(300, 300), to = Eigen::MatrixXf::Zero(300, 300);
    const auto view = [](Eigen::MatrixXf& m) { return eigen_backend::mapped(m.data(), 300, 300, 300); };
    const auto left = eigen_backend::mapped(static_cast<const float*>(a.data()), 300, 300, 300);
    int seen = 0;
    const auto looking = left.unaryExpr([&seen](float x) {  // evaluated in the product
      seen = std::max(seen, omp_get_max_threads());
      return x;
    });
    eigen_backend::multiply(view(to), looking, left, 1.0f, 0.0f);
    CHECK(seen == 1);
    return 0;
  });
}

TEST_CASE("Training has the same bits for 1, 2 and 4 threads of OpenMP") {
  const auto losses = [] { return losses_of(made<gpt2_block, causal_lm, eigen>("2-3-full with heads 1/2-full"), 10); };
  const auto want = with_threads(1, losses);
  for (int threads : {2, 4}) CHECK(with_threads(threads, losses) == want);
}

}  // namespace
