// SPDX-License-Identifier: Apache-2.0
// The model family of a block and an objective, which decides the names of its weights in files.
#pragma once

#include <concepts>

#include <raptr/models/bert.hpp>
#include <raptr/models/gpt2.hpp>

namespace raptr {

template <class A, class B>
concept same_but_for_precision = std::same_as<typename A::norm, typename B::norm> && std::same_as<typename A::attention, typename B::attention> &&
    std::same_as<typename A::mlp, typename B::mlp> && std::same_as<typename A::residual, typename B::residual> &&
    std::same_as<typename A::embedding, typename B::embedding>;
template <class Block, class Objective>
concept gpt2_like = same_but_for_precision<Block, gpt2_block> && !Objective::transforms;
template <class Block, class Objective>
concept bert_like = same_but_for_precision<Block, bert_block> && Objective::transforms;

/// The names of a model of this block, objective and shape. The file formats of GPT-2 and BERT have no grouped queries, so a
/// model with them has its own names.
template <class Block, class Objective> constexpr tensor_names names_of(const model_shape& shape) {
  const bool shared = shape.head_groups() != shape.heads;
  if (gpt2_like<Block, Objective> && !shared) return gpt2_names;
  if (bert_like<Block, Objective> && !shared) return bert_names;
  return own_names;
}

}  // namespace raptr
