// SPDX-License-Identifier: Apache-2.0
// One forward pass, with or without a backward pass: everything that embedding, blocks and head read, in one place.
#pragma once

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
};

}  // namespace raptr
