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

  /// Whether a step that clips to `clip` may change the weights.
  RAPTR_BOTH bool usable(double clip) const { return is_finite(loss()) && usable_squared_norm(squared_norm(), clip); }

 private:
  double* data_;
};

}  // namespace raptr
