// SPDX-License-Identifier: Apache-2.0
// Axes: the kinds of unit that can be dropped, each with a name and a place. Every network has blocks, sub-layers and
// sequences; units inside a part belong to the part that names their axis, so a new axis is a name and a part that owns it.
#pragma once

#include <concepts>
#include <string_view>

#include <raptr/base/config.hpp>

namespace raptr {

/// Where the units of an axis are. sublayers: all parts of all blocks, in execution order. sequences: those of a step's
/// batch, for each block separately. parts: inside the parts that name the axis.
enum class unit_place { blocks, sublayers, sequences, parts };

struct layers {
  static constexpr std::string_view name = "layers";
  static constexpr unit_place place = unit_place::blocks;
};
struct sublayers {
  static constexpr std::string_view name = "sublayers";
  static constexpr unit_place place = unit_place::sublayers;
};
struct sequences {
  static constexpr std::string_view name = "sequences";
  static constexpr unit_place place = unit_place::sequences;
};
/// Key-value groups of attention, each with its query heads.
struct heads {
  static constexpr std::string_view name = "heads";
};
/// Groups of neurons of the mlp, model_shape::neuron_group each.
struct neurons {
  static constexpr std::string_view name = "neurons";
};

template <class A>
concept subnet_axis = requires {
  { A::name } -> std::convertible_to<std::string_view>;
};
template <subnet_axis A> constexpr unit_place place_of() {
  if constexpr (requires { A::place; })
    return A::place;
  else
    return unit_place::parts;
}

}  // namespace raptr
