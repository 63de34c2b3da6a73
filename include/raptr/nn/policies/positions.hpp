// SPDX-License-Identifier: Apache-2.0
// Where a model puts the position of a token: a policy of a block. Learned positions are a weight of the model, added to the
// embedding of the token; rotary ones, in nn/layers/rotary.hpp, turn the queries and keys of attention. A part may use positions by
// itself: part_call::positions has those of its rows.
#pragma once

#include <type_traits>

#include <raptr/base/config.hpp>

namespace raptr {

struct positions_role {};
/// One trained row for each position, as in GPT-2 and BERT.
struct learned_positions {
  using role = positions_role;
  static constexpr bool has_table = true;
};
/// The embedding has no positions: attention finds the order by its causal mask, or by a part that reads part_call::positions.
struct no_positions {
  using role = positions_role;
  static constexpr bool has_table = false;
};

template <class P>
concept positions_policy = requires {
  typename std::bool_constant<P::has_table>;
};

/// An attention that works with any positions has `template <class Positions> using with_positions = ...`, itself or another type.
template <class A, class Positions>
concept follows_positions = requires {
  typename A::template with_positions<Positions>;
};
/// The attention A of a block with these positions. Without with_positions it stays as it is.
template <class A, class Positions> struct form_with_positions { using type = A; };
template <class A, class Positions>
requires follows_positions<A, Positions>
struct form_with_positions<A, Positions> {
  using type = typename A::template with_positions<Positions>;
};

}  // namespace raptr
