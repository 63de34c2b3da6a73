// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cmath>
#include <utility>

#include <raptr/subnet/step_plan.hpp>

#include "example_block.hpp"

using raptr::block_plan;
using raptr::input_error;
using raptr::step_plan;
using raptr::unit_range;

namespace {

constexpr auto layout = raptr::layout_of<example_block>(raptr::gpt_small);

step_plan by_hand() {
  step_plan plan(layout);
  plan.add(0);
  block_plan& b = plan.add(5);
  b.factor = 0.5;
  b.parts()[0].units = {{0, 1}, {2, 2}};
  b.parts()[1].factor = 2;
  plan.add(11).parts()[1].units.clear();
  return plan;
}

}  // namespace

TEST_CASE("a new plan has no block, a full one has all units of all parts of all blocks") {
  CHECK(step_plan(layout).size() == 0);
  const step_plan full = step_plan::full(layout);
  CHECK(full.size() == 12);
  CHECK(full.layout() == layout);
  int number = 0;
  for (const block_plan& b : full.blocks()) {
    CHECK(b.block == number++);
    CHECK(b.factor == 1);
    REQUIRE(b.parts().size() == 2);
    CHECK(b.parts()[0].units == std::vector<unit_range>{{0, 4}});
    CHECK(b.parts()[1].units == std::vector<unit_range>{{0, 64}});
    CHECK(b.parts()[0].factor == 1);
  }
  CHECK_NOTHROW(full.check());
}

TEST_CASE("a plan of some blocks has those, found by their numbers") {
  const step_plan plan = step_plan::of_blocks(layout, {1, 4, 9});
  CHECK(plan.size() == 3);
  CHECK(plan.has(4));
  CHECK(!plan.has(5));
  CHECK(!plan.has(-1));
  CHECK(!plan.has(12));
  CHECK(&plan.block(9) == &plan.blocks()[2]);
  CHECK_THROWS_WITH_AS((void)plan.block(5), "raptr: block 5 is dropped in this step: blocks() lists the active ones", input_error);
  CHECK_THROWS_AS((void)plan.block(12), input_error);
}

TEST_CASE("a plan is written by hand with factors, ranges and dropped parts of its own") {
  const step_plan plan = by_hand();
  CHECK_NOTHROW(plan.check());
  CHECK(plan.block(5).factor == 0.5);
  CHECK(plan.block(5).parts()[0].size() == 3);
  CHECK(plan.block(5).parts()[1].factor == 2);
  CHECK(plan.block(11).parts()[1].size() == 0);
}

TEST_CASE("plans are equal when networks, blocks, factors and units are") {
  const step_plan plan = by_hand();
  CHECK(plan == by_hand());
  CHECK(!(plan == step_plan::full(layout)));
  CHECK(!(step_plan(layout) == step_plan(raptr::layout_of<example_block>(raptr::bert_base))));
  const auto changed = [](auto change) {
    step_plan other(layout);
    other.add(0);
    change(other, other.add(5));
    return other;
  };
  const step_plan same = changed([](step_plan&, block_plan&) {});
  CHECK(same == changed([](step_plan&, block_plan&) {}));
  CHECK(!(same == changed([](step_plan&, block_plan& b) { b.factor = 2; })));
  CHECK(!(same == changed([](step_plan&, block_plan& b) { b.parts()[1].factor = 2; })));
  CHECK(!(same == changed([](step_plan&, block_plan& b) { b.parts()[0].units = {{0, 3}}; })));
  CHECK(!(same == changed([](step_plan&, block_plan& b) { b.parts()[1].unit_factor = 2; })));
  CHECK(!(same == changed([](step_plan&, block_plan& b) { b.sequences = {0}; })));
  CHECK(!(same == changed([](step_plan& p, block_plan&) { p.add(6); })));
}

TEST_CASE("what an earlier step left behind is not seen after clear") {
  step_plan plan = by_hand();
  plan.clear();
  CHECK(plan == step_plan(layout));
  CHECK(!plan.has(5));
  plan.add(0), plan.add(5);
  CHECK(plan == step_plan::of_blocks(layout, {0, 5}));
}

TEST_CASE("copies and moves carry the whole plan") {
  step_plan first = by_hand();
  const step_plan copy = first;
  CHECK(copy == first);
  first.clear();
  CHECK(copy == by_hand());
  step_plan other = step_plan::full(raptr::layout_of<example_block>(raptr::bert_base));
  other = copy;
  CHECK(other == copy);
  const step_plan moved = std::move(other);
  CHECK(moved == copy);
}

TEST_CASE("blocks are added in growing order, within the network") {
  step_plan plan(layout);
  plan.add(3);
  CHECK_THROWS_WITH_AS(plan.add(3), "raptr: block 3 cannot be added to this plan: add blocks in growing order, from 4 to 11", input_error);
  CHECK_THROWS_AS(plan.add(1), input_error);
  CHECK_THROWS_AS(plan.add(12), input_error);
  CHECK_THROWS_AS(plan.add(-1), input_error);
  CHECK(plan == step_plan::of_blocks(layout, {3}));
}

TEST_CASE("check refuses what is no plan of the network") {
  const auto refused = [](auto change) {
    step_plan plan(layout);
    change(plan.add(5));
    CHECK_THROWS_AS(plan.check(), input_error);
  };
  refused([](block_plan& b) { b.block = 4; });
  refused([](block_plan& b) { b.factor = NAN; });
  refused([](block_plan& b) { b.parts()[0].factor = INFINITY; });
  refused([](block_plan& b) { b.parts()[0].unit_factor = NAN; });
  refused([](block_plan& b) { b.parts()[0].units = {{0, 5}}; });
  refused([](block_plan& b) { b.parts()[0].units = {{-1, 2}}; });
  refused([](block_plan& b) { b.parts()[0].units = {{1, 0}}; });
  refused([](block_plan& b) { b.parts()[0].units = {{2, 1}, {0, 1}}; });
  refused([](block_plan& b) { b.parts()[0].units = {{0, 1}, {1, 1}}; });
  refused([](block_plan& b) { b.parts()[0].units = {{3, 2'147'483'647}}; });
  refused([](block_plan& b) { b.parts()[0].units.clear(), b.parts()[1].units.clear(); });
  step_plan plan(layout);
  plan.add(5).parts()[0].units = {{0, 5}};
  CHECK_THROWS_WITH(plan.check(),
                    "raptr: the plan of block 5, part attention, has 5 units from unit 0: ranges must ascend, not touch, and be in 0 to 3");
}

TEST_CASE("the sequences of a block are those of a list, or all") {
  const auto eight = raptr::layout_of<example_block>(raptr::gpt_small, 8);
  step_plan plan(eight);
  plan.add(0);
  plan.add(3).sequences = {1, 2, 7};
  CHECK_NOTHROW(plan.check());
  CHECK(plan.sequences_of(plan.block(0)) == 8);
  CHECK(plan.sequences_of(plan.block(3)) == 3);
  CHECK(step_plan::full(layout).sequences_of(block_plan(layout)) == 0);  // not known
  CHECK(eight != layout);
}

TEST_CASE("sequences that do not ascend, or that the step does not have, are refused") {
  const auto refused = [](std::vector<int> sequences, const char* sentence) {
    step_plan plan(raptr::layout_of<example_block>(raptr::gpt_small, 8));
    plan.add(5).sequences = std::move(sequences);
    CHECK_THROWS_WITH_AS(plan.check(), sentence, input_error);
  };
  refused({0, 8}, "raptr: the plan of block 5 has sequence 8: sequences must ascend and be in 0 to 7");
  refused({-1}, "raptr: the plan of block 5 has sequence -1: sequences must ascend and be in 0 to 7");
  refused({3, 3}, "raptr: the plan of block 5 has sequence 3: sequences must ascend and be in 0 to 7");
  refused({3, 2}, "raptr: the plan of block 5 has sequence 2: sequences must ascend and be in 0 to 7");
}

TEST_CASE("a block that is added anew has no factors, sequences or missing units of an earlier step") {
  step_plan plan(raptr::layout_of<example_block>(raptr::gpt_small, 8));
  block_plan& b = plan.add(2);
  b.factor = 3, b.sequences = {1}, b.parts()[0].factor = 2, b.parts()[0].unit_factor = 2, b.parts()[1].units.clear();
  plan.clear();
  plan.add(2);
  CHECK(plan == step_plan::of_blocks(plan.layout(), {2}));
}

TEST_CASE("sequences in the plan of a layout that does not know their number are refused with the way to make one") {
  step_plan plan(layout);
  plan.add(3).sequences = {0};
  CHECK_THROWS_WITH_AS(plan.check(),
                       "raptr: the plan of block 3 names sequences, but its layout has no number of sequences: create it with "
                       "layout_of<Block>(shape, sequences)",
                       input_error);
}

TEST_CASE("the block that was added last can be taken back") {
  step_plan plan = step_plan::of_blocks(layout, {1, 4});
  plan.add(9);
  plan.remove_last();
  CHECK(plan == step_plan::of_blocks(layout, {1, 4}));
  CHECK(!plan.has(9));
  plan.add(7);
  CHECK(plan == step_plan::of_blocks(layout, {1, 4, 7}));
}
