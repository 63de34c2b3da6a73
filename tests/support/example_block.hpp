// SPDX-License-Identifier: Apache-2.0
// Blocks that compute nothing: parts with names, axes, units and costs are all that subnet/ and schedule/ need.
#pragma once

#include <raptr/subnet/layout.hpp>

struct example_attention {
  using axis = raptr::heads;
  static constexpr std::string_view name = "attention";
  static constexpr int units(const raptr::model_shape& s) { return s.heads; }
  static constexpr double unit_flops(const raptr::model_shape& s) { return 8.0 * s.width * s.head_width() + 4.0 * s.context * s.head_width(); }
};
struct example_mlp {
  using axis = raptr::neurons;
  static constexpr std::string_view name = "mlp";
  static constexpr int units(const raptr::model_shape& s) { return s.neuron_groups(); }
  static constexpr double unit_flops(const raptr::model_shape& s) { return 4.0 * s.width * s.neuron_group; }
};
struct example_block {
  using parts = raptr::part_list<example_attention, example_mlp>;
};
