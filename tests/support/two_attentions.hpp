// SPDX-License-Identifier: Apache-2.0
// Blocks in which an axis has two owners, or an owner that the library does not know.
#pragma once

#include <raptr/subnet/rules/drop.hpp>

#include "example_block.hpp"

struct across_attention : example_attention {
  static constexpr std::string_view name = "across";
};
struct two_attentions {
  using parts = raptr::part_list<example_attention, across_attention, example_mlp>;
};

struct half_attention : example_attention {
  static constexpr std::string_view name = "narrow";
  static constexpr int units(const raptr::model_shape& s) { return s.heads / 2; }
};
struct wide_then_narrow {
  using parts = raptr::part_list<example_attention, half_attention>;
};

struct experts_of_a_test {
  static constexpr std::string_view name = "experts";
};
struct example_experts {
  using axis = experts_of_a_test;
  static constexpr std::string_view name = "mixture";
  static constexpr int units(const raptr::model_shape&) { return 5; }
  static constexpr double unit_flops(const raptr::model_shape& s) { return 100.0 * s.width; }
};
struct block_with_experts {
  using parts = raptr::part_list<example_attention, example_experts>;
};
template <class Keep, class... Policies> struct expert_drop : raptr::drop<experts_of_a_test, Keep, raptr::exactly<>, Policies...> {};
