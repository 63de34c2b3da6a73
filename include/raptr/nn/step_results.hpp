// SPDX-License-Identifier: Apache-2.0
// The results of a step that the optimizer and the report read: its loss and the norms of its gradient, in one array of device
// memory, so that one copy brings all of them to the host.
#pragma once

#include <cstddef>
#include <cstdint>

#include <raptr/base/config.hpp>

namespace raptr {

/// By the bits, because flags that no macro reveals (clang's -fno-honor-nans) make std::isfinite constant.
RAPTR_BOTH inline bool is_finite(double x) { return (__builtin_bit_cast(std::uint64_t, x) & 0x7ff0000000000000u) != 0x7ff0000000000000u; }

/// Whether a step may use a gradient of this squared norm that is clipped to a norm of `clip`, 0 for none: it is finite, and after
/// clipping its square fits into a second moment in float.
RAPTR_BOTH inline bool usable_squared_norm(double square, double clip) { return is_finite(square) && (square < 1e38 || (clip > 0 && clip < 1e19)); }

/// Where a pass adds its loss, and that of each group of targets; null: not wanted.
struct loss_sums {
  double *total = nullptr, *groups = nullptr;
};

/// A view of that array, in device memory or of a copy on the host.
class step_results {
 public:
  /// data: size_for(tensors, groups) numbers.
  RAPTR_BOTH explicit step_results(double* data) : data_(data) {}
  /// groups: of the targets of the objective; 0 if it has one.
  static constexpr std::size_t size_for(std::size_t tensors, std::size_t groups = 0) { return 2 + tensors + groups; }

  /// Of all micro-batches, divided by the normaliser of the batch.
  RAPTR_BOTH double& loss() const { return data_[0]; }
  /// Of the whole gradient.
  RAPTR_BOTH double& squared_norm() const { return data_[1]; }
  /// Of each tensor, in the order of weight_layout::all().
  RAPTR_BOTH double* tensor_squared_norms() const { return data_ + 2; }
  /// What each group of targets adds to the loss, if the objective has several.
  RAPTR_BOTH double* group_losses(std::size_t tensors) const { return data_ + 2 + tensors; }

  /// Whether a step that clips to `clip` may change the weights.
  RAPTR_BOTH bool usable(double clip) const { return is_finite(loss()) && usable_squared_norm(squared_norm(), clip); }

 private:
  double* data_;
};

}  // namespace raptr
