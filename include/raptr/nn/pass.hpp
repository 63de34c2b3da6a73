// SPDX-License-Identifier: Apache-2.0
// One forward pass, with or without a backward pass: everything that embedding, blocks and head read, in one place.
#pragma once

#include <raptr/nn/part.hpp>
#include <raptr/nn/step_table.hpp>
#include <raptr/nn/weight_layout.hpp>
#include <raptr/tensor/arena.hpp>

namespace raptr {

/// weights, gradients: the kept units of every tensor of the layout, in its order. gradients is null without a backward pass,
/// rotary_table without rotary positions.
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

  /// Nothing is dropped without a backward pass.
  dropout_mask drops(double rate, int place, const int* rows = nullptr) const {
    if (!gradients || rate == 0) return {};
    using namespace random_words;
    const draw_key& of = plan.key();
    const auto key = philox({hash("dropout"), low(of.step), high(of.step), 0}, {low(of.seed), high(of.seed)});
    return {rate, {key[0], key[1]}, static_cast<std::uint32_t>(place), batch.words + batch.table.row_places_at, rows};
  }
};

}  // namespace raptr
