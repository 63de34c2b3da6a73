// SPDX-License-Identifier: Apache-2.0
// One forward pass, with or without a backward pass: everything that embedding, blocks and head read, in one place.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include <raptr/nn/part.hpp>
#include <raptr/nn/step_table.hpp>
#include <raptr/nn/weight_layout.hpp>
#include <raptr/tensor/arena.hpp>

namespace raptr {

/// What dropout in a step is drawn with.
inline std::array<std::uint32_t, 2> dropout_key_of(const draw_key& step) {
  using namespace random_words;
  const auto words = philox({hash("dropout"), low(step.step), high(step.step), 0}, {low(step.seed), high(step.seed)});
  return {words[0], words[1]};
}

/// weights, gradients: the kept units of every tensor of the layout, in its order. gradients is null without a backward pass,
/// rotary_table without rotary positions, bucket_index without relative ones.
/// Called in the backward pass with the number of each active block, last to first, when its gradient has all that this pass adds to it.
using block_hook = std::function<void(int block)>;

template <class Ops> struct pass {
  using real = typename Ops::real;
  using master = typename Ops::master;

  Ops& ops;
  arena& memory;
  const weight_layout& layout;
  const step_plan& plan;
  const device_batch& batch;
  params<const real> weights;
  params<master> gradients = nullptr;
  const master* rotary_table = nullptr;
  const int* bucket_index = nullptr;
  std::array<std::uint32_t, 2> dropout_key{};
  const block_hook* after_block = nullptr;

  /// Nothing is dropped without a backward pass.
  dropout_mask drops(double rate, int place, const int* rows = nullptr) const {
    if (!gradients || rate == 0) return {};
    return {rate, {dropout_key[0], dropout_key[1]}, static_cast<std::uint32_t>(place), batch.words + batch.table.row_places_at, rows};
  }
};

}  // namespace raptr
