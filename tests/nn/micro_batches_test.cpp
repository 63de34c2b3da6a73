// SPDX-License-Identifier: Apache-2.0
// How a batch is cut into micro-batches, what stands beside a sequence and in which order does not matter.
#include <doctest/doctest.h>

#include "small_model.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

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

}  // namespace

TEST_CASE_TEMPLATE("Micro-batches add up to the batch, to 1e-13 in double", Device, RAPTR_TEST_DEVICES) {
  CHECK(micro_batches_against_whole<gpt64, causal_lm, Device>(10, 31) < 1e-13);
  CHECK(micro_batches_against_whole<mixture64, masked_lm, Device>(10, 32) < 1e-13);
}

TEST_CASE("Micro-batches with 10 and 100 targets are weighed by the targets: not a mean of means") {
  model_shape shape = tiny;
  shape.context = 100;
  rig<gpt64, causal_lm, host_device> r(shape, 41);
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

TEST_CASE_TEMPLATE("A sequence without a target changes nothing: gradients are those of the batch without it", Device, RAPTR_TEST_DEVICES) {
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
  rig<gpt64, causal_lm, host_device> r(tiny, 45);
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
