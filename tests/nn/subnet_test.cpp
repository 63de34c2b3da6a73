// SPDX-License-Identifier: Apache-2.0
// A subnetwork step is what it claims to be: dropped blocks are the smaller model and the model with closed doors, bit for
// bit; packed units are the masked model; and what is dropped costs neither arithmetic nor memory.
#include <doctest/doctest.h>

#include <raptr/backend/counting.hpp>
#include <raptr/optim/optimizer.hpp>

#include "small_model.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

/// Elements of a full arena without those of one block.
template <class T> std::vector<T> without(std::vector<T> from, const weight_layout& layout, int block, int layers) {
  const auto start = [&](int b) { return b == layers ? layout.size() : layout.all()[layout.of(b, 0)].first; };
  from.erase(from.begin() + start(block), from.begin() + start(block + 1));
  return from;
}

/// Weights that close the way out of a part's unit: it adds nothing to the stream.
bool is_way_out(const placed_weight& w) { return w.what.name == "out" || w.what.name == "out_bias" || w.what.name == "down" || w.what.name == "down_bias"; }

template <class Block, class Objective, class Device> void dropped_blocks_are_a_smaller_model(sight kind) {
  model_shape less = tiny;
  --less.layers;
  rig<Block, Objective, Device> large(tiny, 3), small(less, 4);
  dice any(5);
  for (int gone = 0; gone < tiny.layers; ++gone) {
    const batch b = random_batch(any, kind);
    step_plan plan(large.layout()), all(small.layout());
    for (int l = 0, place = 0; l < tiny.layers; ++l) {
      if (l == gone) continue;
      plan.add(l).parts()[1].factor = all.add(place++).parts()[1].factor = 1.5;  // as a scale would have it
    }
    large.model.set_weights(large.w), small.model.set_weights(small.w = without(large.w, large.model.layout(), gone, tiny.layers));
    const double a = large.loss_with_gradient(plan, b), c = small.loss_with_gradient(all, b);
    CHECK(a == c);
    CHECK(large.packed_gradient() == small.packed_gradient());

    optimizer<adamw, typename rig<Block, Objective, Device>::model_type> first(large.model, {}), second(small.model, {});
    const auto before = large.model.get_weights();
    first.step(large.model, 1e-2, 0.5), second.step(small.model, 1e-2, 0.5);
    CHECK(large.results()[0] == small.results()[0]);
    CHECK(large.results()[1] == small.results()[1]);
    const auto after = large.model.get_weights();
    CHECK(without(after, large.model.layout(), gone, tiny.layers) == small.model.get_weights());
    CHECK(after != before);
    each_element(large.model.layout(), plan, [&](const placed_weight& w, int, std::size_t k, bool on) {
      if (!on && (w.block != gone || after[k] != before[k])) FAIL_CHECK("a weight of block " << w.block << " moved");
    });
  }
}

template <class Block, class Objective, class Device> void dropped_blocks_are_closed_doors() {
  rig<Block, Objective, Device> r(tiny, 6);
  dice any(7);
  const batch b = random_batch(any, sight::causal);
  const step_plan plan = step_plan::of_blocks(r.layout(), {0, 2}), full = step_plan::full(r.layout());
  const double dropped = r.loss_with_gradient(plan, b);
  const auto g = r.gradient();
  for (const placed_weight& w : r.model.layout().all())
    if (w.block == 1 && is_way_out(w)) std::fill_n(r.w.begin() + w.first, w.size(), typename decltype(r.w)::value_type(0));
  r.model.set_weights(r.w);
  const double closed = r.loss_with_gradient(full, b);
  const auto h = r.gradient();
  CHECK(dropped == closed);
  int compared = 0;
  each_element(r.model.layout(), plan, [&](const placed_weight&, int, std::size_t k, bool on) {
    if (on) ++compared;
    if (on && g[k] != h[k]) FAIL_CHECK("element " << k);
  });
  CHECK(compared > 1000);
}

template <class Block, class Objective, class Device> double packed_against_masked(int plans, unsigned seed) {
  rig<Block, Objective, Device> r(tiny, seed);
  dice any(seed);
  double worst = 0;
  for (int n = 0; n < plans; ++n) {
    const batch b = random_batch(any, sight(n % 3));
    const step_plan plan = random_plan(any, r.layout(), {.block = 1, .part = 1, .unit = 0.5});
    step_plan full(r.layout());
    for (const block_plan& from : plan.blocks()) {
      block_plan& to = full.add(from.block);
      for (std::size_t p = 0; p < 2; ++p) to.parts()[p].factor = from.parts()[p].factor;
    }
    const double packed = r.loss_with_gradient(plan, b);
    const auto g = r.gradient();
    auto masked = r.w;
    each_element(r.model.layout(), plan, [&](const placed_weight& w, int, std::size_t k, bool on) {
      if (!on && is_way_out(w)) masked[k] = 0;
    });
    std::swap(masked, r.w), r.model.set_weights(r.w);
    const double whole = r.loss_with_gradient(full, b);
    worst = std::max({worst, std::abs(packed - whole) / whole, gap(r.model.layout(), plan, g, r.gradient())});
    std::swap(masked, r.w), r.model.set_weights(r.w);
  }
  return worst;
}

template <class Block, class Objective, class Device> double micro_batches_against_whole(int plans, unsigned seed) {
  rig<Block, Objective, Device> r(tiny, seed);
  dice any(seed);
  double worst = 0;
  for (int n = 0; n < plans; ++n) {
    const batch b = random_batch(any, sight(n % 3), tiny, 8);
    const step_plan plan = random_plan(any, r.layout());
    const double whole = r.loss_with_gradient(plan, b);
    const auto g = r.gradient();
    r.poison(b);
    r.model.begin(plan);
    for (std::size_t s = 0; s < 8; s += 2) r.model.accumulate(plan, part_of(b, s, 2));
    worst = std::max({worst, std::abs(r.results()[0] - whole) / whole, gap(r.model.layout(), plan, g, r.gradient())});
  }
  return worst;
}

template <class Block, class Objective> double multiply_adds(const step_plan& plan, const batch& b, const model_shape& shape) {
  using ops = counting_ops<double, double>;
  network<Block, Objective, ops> net(shape);
  const weight_layout layout = network<Block, Objective, ops>::layout(shape);
  active_layout active;
  active.lower(layout, plan);
  std::vector<matrix<const double>> w;
  std::vector<matrix<double>> g;
  for (std::size_t k = 0; k < layout.all().size(); ++k) {
    const weight& what = layout.all()[k].what;
    w.push_back({nullptr, active.weights[k].units * what.rows(), what.width}), g.push_back({nullptr, w.back().rows, what.width});
  }
  batch_table table;
  table.lower(b);
  ops count;
  arena memory = arena::unbounded();
  net.pass(count, memory, layout, w.data(), g.data(), plan, {table, table.words().data(), table.weights().data()}, nullptr, true);
  return count.multiply_adds;
}
std::size_t rounded(std::size_t numbers) { return (numbers * sizeof(double) + 63) / 64 * 64; }

}  // namespace

TEST_CASE_TEMPLATE("A step without a block has the bits of a model without that block, optimizer included", Device, cpu, reference) {
  dropped_blocks_are_a_smaller_model<gpt2_block, causal_lm, Device>(sight::causal);
  dropped_blocks_are_a_smaller_model<bert64, masked_lm, Device>(sight::both_sides);
}

TEST_CASE_TEMPLATE("A step without a block has the bits of the full step with the doors of that block closed", Device, cpu, reference) {
  dropped_blocks_are_closed_doors<gpt2_block, causal_lm, Device>();
}

TEST_CASE_TEMPLATE("A step with packed units is the full step with masks, to 1e-13 in double", Device, cpu, reference) {
  CHECK(packed_against_masked<gpt64, causal_lm, Device>(15, 21) < 1e-13);
  CHECK(packed_against_masked<mixture64, masked_lm, Device>(15, 22) < 1e-13);
}

TEST_CASE_TEMPLATE("Micro-batches add up to the batch, to 1e-13 in double", Device, cpu, reference) {
  CHECK(micro_batches_against_whole<gpt64, causal_lm, Device>(10, 31) < 1e-13);
  CHECK(micro_batches_against_whole<mixture64, masked_lm, Device>(10, 32) < 1e-13);
}

TEST_CASE("Micro-batches with 10 and 100 targets are weighed by the targets: not a mean of means") {
  model_shape shape = tiny;
  shape.context = 100;
  rig<gpt64, causal_lm, cpu> r(shape, 41);
  const step_plan full = step_plan::full(r.layout());
  dice any(42);
  batch short_one, long_one;
  for (batch* b : {&short_one, &long_one}) {
    const int length = b == &short_one ? 10 : 100;
    b->add_segment(length, 0);
    for (int i = 0; i < length; ++i) b->ids.push_back(any.below(11)), b->targets.push_back({i, any.below(11), 1});
    b->normaliser = length;
  }
  const double a = r.loss(full, short_one), c = r.loss(full, long_one);
  short_one.normaliser = long_one.normaliser = 110;
  r.model.begin(full);
  r.model.accumulate(full, short_one), r.model.accumulate(full, long_one);
  CHECK(r.results()[0] == doctest::Approx((10 * a + 100 * c) / 110).epsilon(1e-12));
  CHECK(std::abs(a - c) > 1e-3);
  CHECK((10 * 1.0 + 100 * 3.0) / 110 == doctest::Approx(2.818182).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("A sequence without a target changes nothing: gradients are those of the batch without it", Device, cpu, reference) {
  rig<bert64, masked_lm, Device> r(tiny, 43);
  dice any(44);
  const step_plan full = step_plan::full(r.layout());
  batch b = random_batch(any, sight::both_sides);
  const batch three = part_of(b, 0, 3);
  std::erase_if(b.targets, [&](const target& t) { return t.row >= b.segments[3].first; });
  b.normaliser = three.normaliser;
  const double with = r.loss_with_gradient(full, b);
  const auto g = r.gradient();
  const double bare = r.loss_with_gradient(full, three);
  CHECK(with == doctest::Approx(bare).epsilon(1e-13));
  CHECK(gap(r.model.layout(), full, r.gradient(), g) < 1e-13);
}

TEST_CASE("The order of the sequences in a batch does not matter") {
  rig<gpt64, causal_lm, cpu> r(tiny, 45);
  dice any(46);
  const batch b = random_batch(any, sight::causal, tiny, 2);
  batch turned = part_of(b, 1, 1);
  const batch first = part_of(b, 0, 1);
  const int at = static_cast<int>(turned.ids.size());
  turned.ids.insert(turned.ids.end(), first.ids.begin(), first.ids.end());
  turned.add_segment(static_cast<int>(first.ids.size()), 0);
  for (const target& t : first.targets) turned.targets.push_back({t.row + at, t.id, t.weight});
  const step_plan full = step_plan::full(r.layout());
  const double a = r.loss_with_gradient(full, b);
  const auto g = r.gradient();
  CHECK(r.loss_with_gradient(full, turned) == doctest::Approx(a).epsilon(1e-13));
  CHECK(gap(r.model.layout(), full, g, r.gradient()) < 1e-13);
}

TEST_CASE_TEMPLATE("The activations of a plan are foretold to the byte, and shrink by exactly those of the dropped blocks", Device, cpu, reference) {
  rig<gpt64, causal_lm, Device> r(tiny, 51);
  dice any(52);
  for (int n = 0; n < 20; ++n) {
    const batch b = random_batch(any, sight::causal);
    const step_plan plan = random_plan(any, r.layout(), {.block_factors = true});
    const std::size_t foretold = r.model.activation_bytes(plan, b);
    r.model.begin(plan), r.model.accumulate(plan, b);
    CHECK(foretold == r.model.activation_peak());
  }
  const batch b = random_batch(any, sight::causal);
  const std::size_t n = b.ids.size(), c = 8, heads = 2, neurons = 12;
  const std::size_t a_block = 2 * (2 * rounded(n * c) + rounded(n)) + rounded(3 * n * c) + rounded(n * c) + rounded(n * heads) + 2 * rounded(n * neurons);
  const std::size_t three = r.model.activation_bytes(step_plan::full(r.layout()), b), two = r.model.activation_bytes(step_plan::of_blocks(r.layout(), {0, 2}), b),
                    one = r.model.activation_bytes(step_plan::of_blocks(r.layout(), {1}), b);
  CHECK(three - two == a_block);
  CHECK(two - one == a_block);
}

TEST_CASE("A dropped block costs no arithmetic: multiply-adds are those of the kept blocks and the head, exactly") {
  model_shape shape = tiny;
  shape.layers = 6;
  dice any(61);
  const batch b = random_batch(any, sight::causal, shape);
  const double n = double(b.ids.size()), t = double(b.targets.size());
  const double block = 3 * n * (4 * 8 * 8 + 2 * 8 * 12), head = 3 * t * 8 * 11;
  const network_layout layout = layout_of<gpt64>(shape);
  unit_set blocks;
  for (int kept = 1; kept <= 6; ++kept) {
    blocks.add(6 - kept);
    CHECK(multiply_adds<gpt64, causal_lm>(step_plan::of_blocks(layout, blocks), b, shape) == kept * block + head);
  }
  step_plan one_head(layout);
  one_head.add(3).parts()[0].units.assign(1, {1, 1});
  CHECK(multiply_adds<gpt64, causal_lm>(one_head, b, shape) == 3 * n * (4 * 8 * 4 + 2 * 8 * 12) + head);
  const network_layout bert = layout_of<bert64>(shape);
  CHECK(multiply_adds<bert64, masked_lm>(step_plan::of_blocks(bert, {0, 5}), b, shape) == 2 * block + head + 3 * t * 8 * 8);
}
