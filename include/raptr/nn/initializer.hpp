// SPDX-License-Identifier: Apache-2.0
// Initial values of weights. A part names the kind; a model family may define the standard deviations.
#pragma once

#include <cmath>

#include <raptr/subnet/model_shape.hpp>

namespace raptr {

/// normal: of weights that read the residual stream and of embeddings; normal_by_depth: of those that write to it.
enum class initializer { zeros, ones, normal, normal_by_depth };

/// Standard deviations of GPT-2: 0.02, and 0.02 / sqrt(2 L), L of the full network [gpt2].
inline double gpt2_deviation(initializer kind, const model_shape& shape) {
  return kind == initializer::normal_by_depth ? 0.02 / std::sqrt(2.0 * shape.layers) : 0.02;
}

/// Standard deviation of BERT, the same for every matrix: 0.02 [hf]. (Google's own code draws from a normal distribution cut at two
/// deviations, of 0.88 times that [bert].)
inline double bert_deviation(initializer, const model_shape&) { return 0.02; }

/// That of the block's family, or GPT-2's.
template <class Block> double initial_deviation(initializer kind, const model_shape& shape) {
  if constexpr (requires { Block::family::deviation(kind, shape); })
    return Block::family::deviation(kind, shape);
  else
    return gpt2_deviation(kind, shape);
}

}  // namespace raptr
