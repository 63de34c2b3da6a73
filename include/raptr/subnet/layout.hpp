// SPDX-License-Identifier: Apache-2.0
// The description of a network that plans and costs use: its shape and, for each part of a block, a name, an axis, a number
// of units and their cost. A block lists its parts; what they compute is not described here.
#pragma once

#include <array>
#include <concepts>
#include <span>
#include <string_view>
#include <type_traits>

#include <raptr/subnet/axis.hpp>
#include <raptr/subnet/model_shape.hpp>

namespace raptr {

/// The parts of a block in execution order.
template <class... Parts> struct part_list {};

/// axis: the kind of its units, such as raptr::heads. unit_flops: FLOPs of one unit for one token, forward; multiply and add
/// counted separately.
template <class P>
concept part_of_units = requires(const model_shape& s) {
  { P::name } -> std::convertible_to<std::string_view>;
  requires subnet_axis<typename P::axis>;
  { P::units(s) } -> std::same_as<int>;
  { P::unit_flops(s) } -> std::same_as<double>;
};

template <class List> inline constexpr bool lists_parts_of_units = false;
template <class... Parts> inline constexpr bool lists_parts_of_units<part_list<Parts...>> = sizeof...(Parts) > 0 && (part_of_units<Parts> && ...);

/// A block has `using parts = raptr::part_list<...>`.
template <class B>
concept block_of_parts = requires {
  requires lists_parts_of_units<typename B::parts>;
};

struct part_layout {
  std::string_view name, axis;
  int units = 0;
  double flops_per_unit = 0;  // forward, one token
  bool operator==(const part_layout&) const = default;
};

class network_layout {
 public:
  static constexpr int most_parts = 8;

  /// Throws input_error if the shape is not valid.
  constexpr explicit network_layout(const model_shape& s, int sequences_of_a_step = 0) : shape(s), sequences(sequences_of_a_step) { s.check(); }
  constexpr void add(const part_layout& part) {
    if (count_ == most_parts) errors::too_many_parts(count_ + 1, most_parts);
    parts_[static_cast<std::size_t>(count_++)] = part;
  }
  constexpr std::span<const part_layout> parts() const { return {parts_.data(), static_cast<std::size_t>(count_)}; }
  /// Of one full block, forward, one token.
  constexpr double block_flops() const {
    double sum = 0;
    for (const part_layout& p : parts()) sum += p.units * p.flops_per_unit;
    return sum;
  }
  constexpr int sublayers() const { return shape.layers * count_; }
  /// 1, but for sub-layers: a block has as many as it has parts.
  constexpr int units_per_block(unit_place place) const { return place == unit_place::sublayers ? count_ : 1; }
  /// The number of units of an axis, in the network, a part or a step. Throws input_error if the network lacks the axis.
  constexpr int units_of(unit_place place, std::string_view axis) const {
    if (place == unit_place::blocks) return shape.layers;
    if (place == unit_place::sublayers) return sublayers();
    if (place == unit_place::sequences) return sequences;
    for (const part_layout& p : parts())
      if (p.axis == axis) return p.units;
    errors::network_has_no_such_axis(axis, known_axes());
  }
  constexpr bool has(unit_place place, std::string_view axis) const {
    for (const part_layout& p : parts())
      if (p.axis == axis) return true;
    return place != unit_place::parts;
  }
  bool operator==(const network_layout&) const = default;

  model_shape shape;
  int sequences = 0;  // of one step, over all micro-batches; 0: unknown, and a plan cannot drop any

 private:
  std::string known_axes() const {
    std::string text = "layers, sublayers, sequences";
    for (const part_layout& p : parts()) text.append(", ").append(p.axis);
    return text;
  }

  std::array<part_layout, most_parts> parts_{};
  int count_ = 0;
};

template <class... Parts> constexpr network_layout layout_of_parts(const model_shape& shape, int sequences, std::type_identity<part_list<Parts...>>) {
  network_layout layout(shape, sequences);
  (layout.add({Parts::name, Parts::axis::name, Parts::units(shape), Parts::unit_flops(shape)}), ...);
  return layout;
}
template <block_of_parts Block> constexpr network_layout layout_of(const model_shape& shape, int sequences = 0) {
  return layout_of_parts(shape, sequences, std::type_identity<typename Block::parts>{});
}

}  // namespace raptr
