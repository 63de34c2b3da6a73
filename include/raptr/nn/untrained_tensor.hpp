// SPDX-License-Identifier: Apache-2.0
// Weights of a loaded model that no objective here trains, such as the pooler of a BERT. They are kept and written to its
// checkpoints.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <raptr/base/config.hpp>

namespace raptr {

/// A tensor of an untrained layer, as it came from a file.
template <class T> struct untrained_tensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<T> values;
  bool operator==(const untrained_tensor&) const = default;
};

}  // namespace raptr
