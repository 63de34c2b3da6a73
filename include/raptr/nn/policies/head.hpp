// SPDX-License-Identifier: Apache-2.0
// The way from the last block to the logits: a policy of a block.
#pragma once

#include <type_traits>

#include <raptr/nn/layers/activation.hpp>
#include <raptr/subnet/model_shape.hpp>

namespace raptr {

struct head_role {};

/// The head of BERT applies norm(activation(x W^T + b)) before the output matrix, which then has a bias [bert].
struct no_transform {};
template <activation A> struct head_transform { using function = A; };

/// logits = f(x) M^T. Tied: M is the token embedding E; otherwise a matrix of its own. Outputs: how many logits, 0 for one of each id of
/// the vocabulary.
template <bool Tied, class Transform = no_transform, int Outputs = 0> struct lm_head {
  static_assert(Outputs >= 0, "raptr: a head has a positive number of outputs, or 0 for one of each id of the vocabulary");
  static_assert(!Tied || Outputs == 0, "raptr: a tied head has an output for each id of the vocabulary: name lm_head<false, Transform, Outputs>");
  using role = head_role;
  using transform = Transform;
  static constexpr bool tied = Tied;
  static constexpr int outputs = Outputs;
  static constexpr bool transforms = !std::is_same_v<Transform, no_transform>;
};
using tied_head = lm_head<true>;
using untied_head = lm_head<false>;
using bert_head = lm_head<true, head_transform<gelu_erf>>;
/// Targets are classes, 0 .. Classes - 1.
template <int Classes> struct head_of_classes {
  static_assert(Classes > 0, "raptr: a classifier has at least one class: name their number, as in raptr::classifier_head<10>");
  using type = lm_head<false, no_transform, Classes>;
};
template <int Classes> using classifier_head = typename head_of_classes<Classes>::type;

template <class H>
concept head_policy = requires {
  typename std::bool_constant<H::tied>;
  typename std::bool_constant<H::transforms>;
  typename H::transform;
};
/// How many logits head H has by itself; 0: one of each id of the vocabulary.
template <class H> inline constexpr int own_outputs = 0;
template <class H>
requires requires { typename std::integral_constant<int, H::outputs>; }
inline constexpr int own_outputs<H> = H::outputs;
/// Logits of a target in a model with head H.
template <class H> constexpr int outputs_of(const model_shape& shape) { return own_outputs<H> > 0 ? own_outputs<H> : shape.vocab; }

}  // namespace raptr
