// SPDX-License-Identifier: Apache-2.0
// Whether projections and norms have biases: a policy of a block, which it passes on to its norm, attention, mlp and head.
#pragma once

#include <concepts>
#include <type_traits>

#include <raptr/base/config.hpp>

namespace raptr {

struct bias_role {};
struct biases {
  using role = bias_role;
  static constexpr bool has_bias = true;
};
/// No bias in any projection, norm or head, as the option bias=False of PyTorch's layers.
struct no_biases {
  using role = bias_role;
  static constexpr bool has_bias = false;
};

template <class B>
concept bias_policy = requires {
  typename std::bool_constant<B::has_bias>;
};

/// A policy that exists in both forms has `template <class Bias> using with_bias = ...`, itself or another type.
template <class P, class Bias>
concept follows_bias = requires {
  typename P::template with_bias<Bias>;
};
/// The policy P of a block with this bias policy. Without with_bias it stays as it is.
template <class P, class Bias> struct form_with_bias { using type = P; };
template <class P, class Bias>
requires follows_bias<P, Bias>
struct form_with_bias<P, Bias> {
  using type = typename P::template with_bias<Bias>;
};

}  // namespace raptr
