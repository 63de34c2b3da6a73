// SPDX-License-Identifier: Apache-2.0
// A file compiled with OpenMP has an Eigen that divides large products among threads, and their bits then depend on the number of them. The
// backend has threads of its own, so Eigen uses one of OpenMP in them. What the caller has set for its own loops stays.
#pragma once

#include <raptr/backend/eigen/core.hpp>

#if defined(EIGEN_HAS_OPENMP)
#include <omp.h>
#endif

#include <raptr/base/config.hpp>

namespace raptr::eigen_backend {
inline namespace RAPTR_INSTRUCTIONS {

#if defined(EIGEN_HAS_OPENMP)
/// While it lives, parallel regions of the calling thread have one thread. A number set by Eigen::setNbThreads() is stronger.
class one_thread {
 public:
  one_thread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~one_thread() { omp_set_num_threads(before_); }
  one_thread(const one_thread&) = delete;
  one_thread& operator=(const one_thread&) = delete;

 private:
  int before_;
};
#else
struct one_thread {
  one_thread() {}
};
#endif

}  // namespace RAPTR_INSTRUCTIONS
}  // namespace raptr::eigen_backend
