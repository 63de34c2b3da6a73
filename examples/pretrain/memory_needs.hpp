// SPDX-License-Identifier: Apache-2.0
// What a run needs of the memory of this machine, and the one sentence about a run that needs more.
#pragma once

#include <raptr/base/number_text.hpp>

#include "../support/memory.hpp"

namespace program {

struct memory_needs {
  std::int64_t parameters = 0;
  double activations = 0;  // bytes of a micro-batch; 0: not known

  double weights() const { return bytes_of_weights(parameters); }
  bool fit() const { return weights() + activations <= memory_limit(); }
  std::string text() const {
    const double there = memory_limit();
    return (activations > 0 ? "a micro-batch needs " + raptr::bytes_text(activations) + " for activations, and " : std::string()) + "a model of " +
           raptr::count_text(parameters) + " parameters needs " + raptr::bytes_text(weights()) +
           " for weights, gradients and moments, but this process may use " + raptr::bytes_text(there) + " for them and the text: reduce " +
           (weights() > there ? "--width, --layers, --neurons or --vocab"
                              : "--batch, with a larger --accumulate for steps of the same size, --context or the model");
  }
};

}  // namespace program
