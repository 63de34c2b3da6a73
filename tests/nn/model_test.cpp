// SPDX-License-Identifier: Apache-2.0
// The door of a model: what it refuses, how its weights are laid out and initialised, and logits in pieces.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include <raptr/models/families.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>

#include "scratch_folder.hpp"
#include "small_model.hpp"

using namespace raptr;
using namespace raptr::testing;

TEST_CASE("A batch that cannot be is refused with its numbers") {
  rig<gpt64, causal_lm, host_device> r;
  const step_plan full = step_plan::full(r.layout());
  dice any(1);
  const batch good = random_batch(any, sight::causal);
  r.model.begin(full);
  const auto refused = [&](auto change, const std::string& what) {
    batch bad = good;
    change(bad);
    const std::string said = sentence_of<input_error>([&] { r.model.accumulate(full, bad); });
    CAPTURE(said);
    CHECK(has(said, what));
    CHECK(sentence_of<input_error>([&] { r.model.activation_bytes(full, bad); }) == said);
  };
  refused([](batch& b) { b.ids[2] = 11; }, "token 11 in row 2 is not in a vocabulary of 11");
  refused([](batch& b) { b.ids[3] = -1; }, "token -1 in row 3");
  refused([](batch& b) { b.positions[1] = 8; }, "position 8 is outside a context of 8");
  refused([](batch& b) { b.positions[1] = -2; }, "position -2");
  refused([](batch& b) { b.ids.pop_back(); }, "ids");
  refused([](batch& b) { b.positions.push_back(0); }, "positions");
  refused([](batch& b) { b.targets[0].id = 99; }, "is 99, but the head has 11 outputs: targets are 0 to 10");
  refused([](batch& b) { b.targets.back().row = int(b.ids.size()); }, "a target of a batch is in row");
  refused([](batch& b) { b.targets[1].row = b.targets[0].row; }, "ascend");
  refused([](batch& b) { b.targets[0].row = -1; }, "row -1");
  refused([](batch& b) { b.segments[1].first += 1; }, "segment 1");
  refused([](batch& b) { b.segments[0].prefix = 100; }, "prefix of 100");
  refused([](batch& b) { b.segments[0].prefix = -1; }, "prefix of -1");
  refused([](batch& b) { b.normaliser = 0; }, "normaliser of a batch is 0");
  refused([](batch& b) { b.normaliser = std::nan(""); }, "normaliser of a batch is nan");
  r.model.accumulate(full, good);
  CHECK(std::isfinite(r.results()[0]));
}

TEST_CASE("A model without weights, or a plan or weights of another model, are refused") {
  transformer<gpt64, causal_lm, host_device> empty(tiny, {1});
  CHECK(has(sentence_of<input_error>([&] { empty.begin(step_plan::full(empty.plan_layout())); }), "initialise"));
  CHECK(has(sentence_of<input_error>([&] { (void)empty.get_weights(); }), "initialise"));
  CHECK(has(sentence_of<input_error>([&] { empty.set_weights(std::vector<double>(5)); }), "5"));
  empty.initialise(1);
  model_shape other = tiny;
  other.layers = 4;
  CHECK(has(sentence_of<input_error>([&] { empty.begin(step_plan::full(layout_of<gpt64>(other))); }), "another network"));
  static_assert(std::is_move_constructible_v<transformer<gpt64, causal_lm, host_device>>);
  static_assert(!std::is_move_assignable_v<transformer<gpt64, causal_lm, host_device>>);
}

TEST_CASE("Initial weights are a function of the seed: normal matrices, smaller in front of the residual, norms 1, biases 0") {
  constexpr model_shape shape{.layers = 8, .width = 64, .heads = 4, .vocab = 500, .context = 64};
  transformer<gpt64, causal_lm, host_device> a(shape, {1}), b(shape, {1});
  a.initialise(7), b.initialise(7);
  CHECK(a.get_weights() == b.get_weights());
  b.initialise(8);
  CHECK(a.get_weights() != b.get_weights());
  const auto w = a.get_weights();
  std::set<double> first;
  for (const placed_weight& p : a.layout().all()) {
    double sum = 0, squares = 0;
    for (std::int64_t i = 0; i < p.size(); ++i)
      sum += w[std::size_t(p.first + i)], squares += w[std::size_t(p.first + i)] * w[std::size_t(p.first + i)];
    const double n = double(p.size()), deviation = std::sqrt(squares / n);
    CAPTURE(p.full_name());
    if (p.what.width == 1) {
      const bool gain = p.what.name.ends_with("norm.weight");
      CHECK(sum == (gain ? n : 0));
      CHECK(squares == (gain ? n : 0));
    } else {
      const bool out = p.what.name == "out" || p.what.name == "down";
      CHECK(deviation == doctest::Approx(out ? 0.02 / 4 : 0.02).epsilon(0.05));
      CHECK(std::abs(sum / n) < 4 * deviation / std::sqrt(n));
      CHECK(first.insert(w[std::size_t(p.first)]).second);  // no stream is used twice
    }
  }
}

TEST_CASE("Places of weights do not overlap, and the names in files are unique") {
  const auto check = [](const weight_layout& layout, const auto& tensors) {
    std::int64_t end = 0, elements = 0;
    for (const placed_weight& w : layout.all()) {
      CHECK(w.first >= end);
      CHECK(w.first % 16 == 0);
      CHECK(w.per_unit == std::int64_t(w.what.rows()) * w.what.width);
      end = w.first + w.size(), elements += w.size();
    }
    CHECK(end <= layout.size());
    CHECK(elements == layout.parameters());
    std::set<std::string> names;
    std::set<std::size_t> ours;
    for (const file_tensor& t : tensors) {
      CHECK(names.insert(t.name).second);
      std::set<std::size_t> theirs;
      t.each([&](std::size_t a, std::size_t b) { ours.insert(a), theirs.insert(b); });
      CHECK(theirs.size() == t.size());
      CHECK(*theirs.rbegin() + 1 == t.size());
    }
    CHECK(std::int64_t(ours.size()) == elements);
  };
  using ops = counting_ops<double, double>;
  const auto gpt = network<gpt64, ops>::layout(tiny), bert = network<bert64, ops>::layout(tiny), own = network<mixture64, ops>::layout(tiny);
  check(gpt, file_tensors(gpt, names_of<gpt2_block>({}))), check(bert, file_tensors(bert, names_of<bert_block>({}))),
      check(own, file_tensors(own, own_names));
  const auto shared = network<gpt64, ops>::layout(tiny_shared);
  check(shared, file_tensors(shared, own_names));
}

TEST_CASE_TEMPLATE("Logits in pieces are logits in one piece: a large vocabulary gives the loss of its micro-batches", Device, RAPTR_TEST_DEVICES) {
  const model_shape shape{
      .layers = 1, .width = 4, .heads = 1, .neurons = 4, .neuron_group = 4, .vocab = 70'000, .context = 100};  // 59 rows of logits a piece
  rig<bert64, masked_lm, Device> r(shape, 2, small_options<Device>(false));
  const step_plan full = step_plan::full(r.layout());
  dice any(3);
  batch b;
  for (int s = 0; s < 2; ++s) {
    const int first = int(b.ids.size()), length = 75;
    b.add_segment(length, length);
    for (int i = 0; i < length; ++i) {
      b.ids.push_back(any.below(shape.vocab));
      if (i % 3 != 1) b.targets.push_back({first + i, any.below(shape.vocab), 1.0f + float(any.below(3))});
    }
  }
  b.normaliser = b.target_weight();
  REQUIRE(b.targets.size() == 100);
  r.model.begin(full);
  r.model.accumulate(full, b);
  const double whole = r.results()[0];
  const auto g = r.packed_gradient();
  r.model.begin(full);
  r.model.accumulate(full, part_of(b, 0, 1)), r.model.accumulate(full, part_of(b, 1, 1));
  CHECK(r.results()[0] == doctest::Approx(whole).epsilon(1e-12));
  const auto h = r.packed_gradient();
  double most = 0, top = 0;
  for (std::size_t i = 0; i < g.size(); ++i)
    if (std::isfinite(g[i])) most = std::max(most, std::abs(g[i] - h[i])), top = std::max(top, std::abs(g[i]));
  CHECK(most < 1e-12 * top);
  r.model.begin(full, false);
  r.model.accumulate(full, b, false);
  CHECK(r.results()[0] == doctest::Approx(whole).epsilon(1e-14));
}

TEST_CASE_TEMPLATE("The logits of predict are those whose cross-entropy is the loss", Device, RAPTR_TEST_DEVICES) {
  rig<gpt64, causal_lm, Device> r;
  dice any(4);
  const batch b = random_batch(any, sight::causal);
  const step_plan plan = step_plan::of_blocks(r.layout(), {0, 2});
  r.model.begin(plan, false);
  const auto logits = r.model.predict(plan, b);
  REQUIRE(logits.size() == b.targets.size() * 11);
  double loss = 0;
  for (std::size_t t = 0; t < b.targets.size(); ++t) {
    double sum = 0;
    for (std::size_t i = 0; i < 11; ++i) sum += std::exp(logits[t * 11 + i]);
    loss += double(b.targets[t].weight) * (std::log(sum) - logits[t * 11 + std::size_t(b.targets[t].id)]) / b.normaliser;
  }
  CHECK(r.loss(plan, b) == doctest::Approx(loss).epsilon(1e-12));
}
