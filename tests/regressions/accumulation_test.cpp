// SPDX-License-Identifier: Apache-2.0
// Uneven micro-batches, with losses that are known on paper: the head reads the bias of the final norm alone, so that a
// target's loss is -log of a probability that was chosen for its id.
#include <doctest/doctest.h>

#include <cmath>

#include "small_model.hpp"

using namespace raptr;
using namespace raptr::testing;

TEST_CASE("ten targets with a loss of 1 and a hundred with 3 have the mean 2.818182, not 2") {
  model_shape shape = tiny;
  shape.context = 100;
  rig<gpt64, causal_lm, host_device> r(shape, 1);
  const double chances[] = {std::exp(-1), std::exp(-3), (1 - std::exp(-1) - std::exp(-3)) / 9};
  for (const placed_weight& p : r.model.layout().all()) {
    const auto first = static_cast<std::size_t>(p.first);
    if (p.full_name() == "tokens")
      for (std::size_t id = 0; id < 11; ++id) r.w[first + 8 * id] = std::log(chances[std::min<std::size_t>(id, 2)]);
    if (p.full_name() == "final_norm.weight") std::fill_n(r.w.begin() + p.first, 8, 0.0);
    if (p.full_name() == "final_norm.bias")
      for (std::size_t i = 0; i < 8; ++i) r.w[first + i] = i == 0;
  }
  r.model.set_weights(r.w);
  const step_plan full = step_plan::full(r.layout());
  batch parts[2];
  for (const int id : {0, 1}) {
    batch& b = parts[id];
    const int length = id == 0 ? 10 : 100;
    b.add_segment(length, 0);
    for (int i = 0; i < length; ++i) b.ids.push_back(i % 11), b.targets.push_back({i, id, 1});
    b.normaliser = length;
    CHECK(r.loss(full, b) == doctest::Approx(id == 0 ? 1 : 3).epsilon(1e-14));
    b.normaliser = 110;
  }
  r.model.begin(full);
  for (const batch& b : parts) r.model.accumulate(full, b);
  CHECK(std::abs(r.results()[0] - 2.818182) < 5e-7);
  const auto g = r.packed_gradient();

  batch whole = parts[0];
  whole.add_segment(100, 0);
  whole.ids.insert(whole.ids.end(), parts[1].ids.begin(), parts[1].ids.end());
  for (const target& t : parts[1].targets) whole.targets.push_back({t.row + 10, t.id, t.weight});
  r.model.begin(full);
  r.model.accumulate(full, whole);
  CHECK(std::abs(r.results()[0] - 2.818182) < 5e-7);
  double squares = 0, squares_of_whole = 0;
  for (const double x : g) squares += x * x;
  for (const double x : r.packed_gradient()) squares_of_whole += x * x;
  CHECK(squares > 0);
  CHECK(squares == doctest::Approx(squares_of_whole).epsilon(1e-12));
}
