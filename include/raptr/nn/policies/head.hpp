// SPDX-License-Identifier: Apache-2.0
// The way from the last block to the logits: a policy of a block.
#pragma once

#include <type_traits>

#include <raptr/nn/layers/activation.hpp>

namespace raptr {

struct head_role {};

/// The head of BERT applies norm(activation(x W^T + b)) before the output matrix, which then has a bias [bert].
struct no_transform {};
template <activation A> struct head_transform { using function = A; };

/// logits = f(x) M^T. Tied: M is the token embedding E; otherwise a matrix of its own.
template <bool Tied, class Transform = no_transform> struct lm_head {
  using role = head_role;
  using transform = Transform;
  static constexpr bool tied = Tied;
  static constexpr bool transforms = !std::is_same_v<Transform, no_transform>;
};
using tied_head = lm_head<true>;
using untied_head = lm_head<false>;
using bert_head = lm_head<true, head_transform<gelu_erf>>;

template <class H>
concept head_policy = requires {
  typename std::bool_constant<H::tied>;
  typename std::bool_constant<H::transforms>;
  typename H::transform;
};

}  // namespace raptr
