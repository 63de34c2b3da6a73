// SPDX-License-Identifier: Apache-2.0
// The results of a step that the optimizer and the report read: its loss and the norms of its gradient, in one array of device
// memory, so that one copy brings all of them to the host.
#pragma once

#include <cmath>
#include <cstddef>

#include <raptr/base/config.hpp>

namespace raptr {

/// The square of a gradient must fit into a second moment in float.
RAPTR_BOTH inline bool usable_squared_norm(double square) { return square < 1e38; }  // NaN is not

/// A view of that array, in device memory or of a copy on the host.
class step_results {
 public:
  /// data: size_for(tensors) numbers.
  RAPTR_BOTH explicit step_results(double* data) : data_(data) {}
  static constexpr std::size_t size_for(std::size_t tensors) { return 2 + tensors; }

  /// Of all micro-batches, divided by the normaliser of the batch.
  RAPTR_BOTH double& loss() const { return data_[0]; }
  /// Of the whole gradient.
  RAPTR_BOTH double& squared_norm() const { return data_[1]; }
  /// Of each tensor, in the order of weight_layout::all().
  RAPTR_BOTH double* tensor_squared_norms() const { return data_ + 2; }

  /// Whether the step may change the weights.
  RAPTR_BOTH bool finite() const { return std::isfinite(loss()) && usable_squared_norm(squared_norm()); }

 private:
  double* data_;
};

}  // namespace raptr
