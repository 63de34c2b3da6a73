// SPDX-License-Identifier: Apache-2.0
// The parts of a block: attention, mlp, or a user's own. A part sees dense rows, dense weights of its kept units and how many
// they are. It does not see the norm and the residual rule around it, and which units were drawn only for relative positions and
// dropout of attention; anything else that depends on the number of a unit must be a weight per unit.
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>
#include <vector>

#include <raptr/backend/dropout_mask.hpp>
#include <raptr/backend/ops.hpp>
#include <raptr/nn/weight_layout.hpp>
#include <raptr/tensor/arena.hpp>

namespace raptr {

/// What the blocks share for relative positions (nn/layers/relative.hpp), in device memory; null without them.
template <class Ops> struct relative_table {
  const typename Ops::real* values = nullptr;  // (heads, buckets)
  typename Ops::master* gradient = nullptr;    // null without a backward pass
  const int* index = nullptr;                  // a bucket_index
};

/// The arguments of one call of a part. Sizes and factors are known to the host; every T* is device memory.
template <class Ops> struct part_call {
  using real = typename Ops::real;
  Ops& ops;
  arena& memory;
  const model_shape& shape;
  segment_list segments;
  const int* positions;                                // (rows), in device memory
  std::int64_t rows;                                   // B*T of this call
  int block;                                           // its number in the full network
  int units;                                           // kept ones
  double factor;                                       // of what the kept units add to the residual
  double bias_factor;                                  // of what the part adds besides its units, such as an output bias
  const typename Ops::master* rotary_table = nullptr;  // of rotary positions: nn/layers/rotary.hpp
  relative_table<Ops> relative{};
  const int* kept_units = nullptr;   // their numbers in the full network, in device memory; null where no part of the model reads them
  dropout_mask dropout{};            // of what the part adds; the stack applies it
  dropout_mask attention_dropout{};  // of probabilities; a part that has some applies it

  /// Activations of `per_row` numbers: kept for the backward pass, or until the scope ends.
  template <class T = real> T* keep(std::int64_t per_row) { return memory.keep<T>(rows * per_row); }
  template <class T = real> T* scratch(std::int64_t per_row) { return memory.scratch<T>(rows * per_row); }
};

/// A part of a block. `saved<Ops>` holds pointers only; forward fills it from keep(). A run on the counting backend gives the
/// size, so the memory planned and the memory used agree.
///
///   name               in the names of its weights
///   axis               what its units are: raptr::heads, raptr::neurons, or any struct with a name
///   units(shape)       how many units can be kept or dropped
///   unit_flops(shape)  FLOPs of one unit for one token, forward; multiply and add counted separately
///   weights(shape)     those of the part alone; its norm belongs to the block
///   forward            residual (rows, C) += factor * f(x), x (rows, C) is not residual. Terms that do not depend on
///                      the kept units, such as an output bias, take bias_factor instead: a factor that makes up for dropped
///                      units, 1/p, would make them too large. A part without such terms ignores bias_factor
///   backward           g += gradients; dx (rows, C) = carry dx + gradient of x. dx may be dresidual itself when carry
///                      is 1: then read dresidual before dx is written
template <class P, class Ops>
concept part = part_of_units<P> &&
    requires(part_call<Ops>& call, const model_shape& shape, params<const typename Ops::real> w, params<typename Ops::master> g,
             typename P::template saved<Ops>& s, const typename P::template saved<Ops>& kept, const typename Ops::real* x, typename Ops::real* y,
             double carry) {
  { P::weights(shape) } -> std::same_as<std::vector<weight>>;
  { P::forward(call, w, s, x, y) } -> std::same_as<void>;
  { P::backward(call, w, g, kept, x, x, y, carry) } -> std::same_as<void>;
};

}  // namespace raptr
