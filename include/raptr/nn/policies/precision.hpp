// SPDX-License-Identifier: Apache-2.0
// The types in which a network computes: a policy of a block.
#pragma once

#include <concepts>

#include <raptr/base/bfloat16.hpp>

namespace raptr {

struct precision_role {};
/// real: activations and compute weights; master: master weights, gradients, moments, reductions.
struct fp32 {
  using role = precision_role;
  using real = float;
  using master = float;
};
struct fp64 {
  using role = precision_role;
  using real = double;
  using master = double;
};
/// Activations and compute weights in bfloat16; master weights, gradients, moments and reductions stay float. On GPUs.
struct bf16 {
  using role = precision_role;
  using real = bfloat16;
  using master = float;
};

template <class R>
concept precision_policy = requires {
  requires std::floating_point<typename R::real> || std::same_as<typename R::real, bfloat16>;
  requires std::floating_point<typename R::master>;
};

}  // namespace raptr
