// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "example_block.hpp"

using raptr::input_error;
using raptr::model_shape;

namespace {

struct no_price {
  using axis = raptr::neurons;
  static constexpr std::string_view name = "x";
  static constexpr int units(const model_shape&) { return 1; }
};

struct no_axis {
  static constexpr std::string_view name = "x";
  static constexpr int units(const model_shape&) { return 1; }
  static constexpr double unit_flops(const model_shape&) { return 1; }
};
struct with_axis : no_axis {
  using axis = raptr::heads;
};

}  // namespace

TEST_CASE("sizes that are not named follow from others") {
  static_assert(raptr::bert_base.neuron_count() == 3072 && raptr::bert_base.head_width() == 64);
  static_assert(model_shape{.width = 256, .neurons = 96}.neuron_count() == 96 && model_shape{.neurons = 96}.neuron_groups() == 6);
  static_assert(model_shape{.kv_heads = 4}.head_groups() == 4 && model_shape{.kv_heads = 4}.queries_per_group() == 3 &&
                raptr::bert_base.head_groups() == 12);
  static_assert(raptr::gpt2_small.vocab == 50257 && raptr::gpt2_small.context == 1024);
  static_assert(raptr::gpt_small == model_shape{.layers = 12, .width = 256, .heads = 4, .vocab = 8192, .context = 128});
  CHECK_NOTHROW(raptr::bert_base.check());
  CHECK_NOTHROW(raptr::gpt2_small.check());
  CHECK_NOTHROW(raptr::gpt_small.check());
}

TEST_CASE("a size that is not positive is refused by name and number") {
  CHECK_THROWS_WITH_AS(model_shape{.layers = 0}.check(), "raptr: model_shape::layers is 0: it must be at least 1", input_error);
  CHECK_THROWS_WITH_AS(model_shape{.width = -8}.check(), "raptr: model_shape::width is -8: it must be at least 1", input_error);
  CHECK_THROWS_WITH_AS(model_shape{.heads = 0}.check(), "raptr: model_shape::heads is 0: it must be at least 1", input_error);
  CHECK_THROWS_WITH_AS(model_shape{.vocab = 0}.check(), "raptr: model_shape::vocab is 0: it must be at least 1", input_error);
  CHECK_THROWS_WITH_AS(model_shape{.context = -1}.check(), "raptr: model_shape::context is -1: it must be at least 1", input_error);
  CHECK_THROWS_WITH_AS(model_shape{.neurons = -1}.check(), "raptr: model_shape::neurons is -1: give a positive number, or 0 for four times the width",
                       input_error);
}

TEST_CASE("heads that do not divide the width are refused with the nearest numbers that do") {
  const auto check = [](int width, int heads) { model_shape{.width = width, .heads = heads}.check(); };
  CHECK_THROWS_WITH_AS(check(100, 3), "raptr: width 100 is not a multiple of 3 heads: take 2 or 4 heads, or another width", input_error);
  CHECK_THROWS_WITH_AS(check(768, 13), "raptr: width 768 is not a multiple of 13 heads: take 12 or 16 heads, or another width", input_error);
  CHECK_THROWS_WITH_AS(check(8, 9), "raptr: width 8 is not a multiple of 9 heads: take 8 heads, or another width", input_error);
}

TEST_CASE("groups that do not divide are refused with the nearest numbers that do") {
  CHECK_THROWS_WITH_AS(model_shape{.kv_heads = 5}.check(),
                       "raptr: model_shape::kv_heads is 5, which does not divide 12 heads: take 4 or 6, or another number of heads", input_error);
  CHECK_THROWS_WITH_AS(model_shape{.kv_heads = 13}.check(),
                       "raptr: model_shape::kv_heads is 13: give a number from 1 to 12, the number of heads, or 0 for one group per head",
                       input_error);
  CHECK_THROWS_AS(model_shape{.kv_heads = -1}.check(), input_error);
  CHECK_THROWS_WITH_AS((model_shape{.neurons = 100}.check()),
                       "raptr: model_shape::neuron_group is 16, which does not divide 100 neurons: take 10 or 20, or another number of neurons",
                       input_error);
  CHECK_THROWS_WITH_AS((model_shape{.neurons = 12}.check()),
                       "raptr: model_shape::neuron_group is 16, which does not divide 12 neurons: take 12, or another number of neurons",
                       input_error);
  CHECK_THROWS_WITH_AS(model_shape{.neuron_group = 0}.check(), "raptr: model_shape::neuron_group is 0: it must be at least 1", input_error);
  CHECK_NOTHROW(model_shape{.kv_heads = 1}.check());
  CHECK_NOTHROW((model_shape{.neurons = 100, .neuron_group = 100}.check()));
}

TEST_CASE("a layout lists the parts of a block with units and prices, as a constant") {
  constexpr auto layout = raptr::layout_of<example_block>(raptr::bert_base);
  static_assert(layout.parts().size() == 2 && layout.parts()[0].name == "attention" && layout.parts()[0].axis == "heads" &&
                layout.parts()[1].axis == "neurons" && layout.parts()[1].units == 192);
  static_assert(layout.block_flops() == 12 * example_attention::unit_flops(raptr::bert_base) + 3072 * 4.0 * 768);
  CHECK(layout == raptr::layout_of<example_block>(raptr::bert_base));
  CHECK(layout != raptr::layout_of<example_block>(raptr::gpt_small));
}

TEST_CASE("a layout of a shape that is not valid, or of too many parts, is refused") {
  CHECK_THROWS_AS(raptr::layout_of<example_block>({.width = 100, .heads = 3}), input_error);
  raptr::network_layout layout(raptr::bert_base);
  for (int i = 0; i < raptr::network_layout::most_parts; ++i) layout.add({"part", "units", 1, 1.0});
  CHECK_THROWS_WITH_AS(layout.add({"part", "units", 1, 1.0}), "raptr: a block has 9 parts: at most 8 are allowed", input_error);
}

TEST_CASE("only a list of parts with name, units and price makes a block") {
  static_assert(raptr::block_of_parts<example_block>);
  static_assert(!raptr::block_of_parts<int>);
  static_assert(!raptr::part_of_units<no_price> && !raptr::part_of_units<no_axis> && raptr::part_of_units<with_axis>);
  static_assert(!raptr::lists_parts_of_units<raptr::part_list<example_mlp, no_price>> && !raptr::lists_parts_of_units<raptr::part_list<>>);
}
