// SPDX-License-Identifier: Apache-2.0
// The token types of a BERT: every token is of type 0, whose row is added to each row of the stream and has the sum of all
// gradients. (That the gradient is the slope of the loss is checked for every tensor of a BERT in gradients_bert_test.cpp.)
#include <doctest/doctest.h>

#include "on_device.hpp"
#include "small_model.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {
const placed_weight* find(const weight_layout& layout, std::string_view name) {
  for (const placed_weight& w : layout.all())
    if (w.block < 0 && w.what.name == name) return &w;
  return nullptr;
}
template <class Block, class Objective> bool has_types() {
  return find(network<Block, counting_ops<double, double>>::layout(tiny), "token_types") != nullptr;
}
}  // namespace

TEST_CASE("A BERT has two token types, a GPT-2 none, and a block may say otherwise") {
  CHECK(has_types<bert64, masked_lm>());
  CHECK_FALSE(has_types<gpt64, causal_lm>());
  CHECK_FALSE(has_types<block<bert64, token_types<0>>, masked_lm>());
  CHECK(has_types<block<gpt64, token_types<3>>, causal_lm>());
  CHECK(names_of<bert64>(tiny).family == "bert");
  CHECK(names_of<block<bert64, token_types<1>>>(tiny).family == "bert");
  CHECK(names_of<block<bert64, token_types<0>>>(tiny).family == "raptr");
  CHECK(names_of<block<gpt64, token_types<2>>>(tiny).family == "raptr");
}

TEST_CASE_TEMPLATE("Type 0 moves the stream like the positions do, and type 1 moves nothing", Device, RAPTR_TEST_DEVICES) {
  rig<bert64, masked_lm, Device> r(tiny, 5);
  dice any(6);
  const batch b = random_batch(any, sight::both_sides);
  const step_plan full = step_plan::full(r.layout());
  const double loss = r.loss_with_gradient(full, b);
  const auto g = r.gradient();
  const placed_weight &types = *find(r.model.layout(), "token_types"), &places = *find(r.model.layout(), "positions");
  REQUIRE(types.size() == 2 * tiny.width);
  const auto at = [](const placed_weight& w, int row, int i) { return static_cast<std::size_t>(w.first + row * tiny.width + i); };
  double size = 0;
  for (int i = 0; i < tiny.width; ++i) {
    double sum = 0;
    for (int p = 0; p < tiny.context; ++p) sum += g[at(places, p, i)];
    CHECK(g[at(types, 0, i)] == doctest::Approx(sum).epsilon(1e-12));
    CHECK(g[at(types, 1, i)] == 0);
    size += std::abs(sum);
  }
  CHECK(size > 1e-3);

  auto moved = r.w;
  for (int i = 0; i < tiny.width; ++i) {
    for (int p = 0; p < tiny.context; ++p) moved[at(places, p, i)] += r.w[at(types, 0, i)];
    moved[at(types, 0, i)] = 0, moved[at(types, 1, i)] = 1e3;
  }
  r.model.set_weights(moved);
  CHECK(r.loss(full, b) == doctest::Approx(loss).epsilon(1e-12));
  moved[at(types, 0, 0)] += 0.5;
  r.model.set_weights(moved);
  CHECK(std::abs(r.loss(full, b) - loss) > 1e-4);
}
