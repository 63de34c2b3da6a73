// SPDX-License-Identifier: Apache-2.0
// Sequences that go round a block: each sequence sees the network that its plan says, whatever shares its batch.
#include <doctest/doctest.h>

#include <string>

#include <raptr/data/windows.hpp>

#include "on_device.hpp"
#include "scratch_folder.hpp"
#include "small_model.hpp"
#include "token_list.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

/// The plan as sequence s sees it.
step_plan plan_of_sequence(const step_plan& plan, int s, const network_layout& layout) {
  step_plan alone(layout);
  for (const block_plan& from : plan.blocks()) {
    if (!from.sequences.empty() && !std::binary_search(from.sequences.begin(), from.sequences.end(), s)) continue;
    block_plan& to = alone.add(from.block);
    to.factor = from.factor;
    std::copy(from.parts().begin(), from.parts().end(), to.parts().begin());
  }
  alone.check();
  return alone;
}

/// gradients += those of one pass, in the places of the weights.
template <class Rig> void add_gradient(const Rig& r, const std::vector<double>& packed, std::vector<double>& sum) {
  for (const param_range& range : r.model.active().kept)
    for (std::int64_t i = 0; i < range.length; ++i) sum[std::size_t(range.first + i)] += packed[std::size_t(range.packed + i)];
}

template <class Block, class Objective, class Device> void a_step_is_the_sum_of_its_sequences(int plans, unsigned seed) {
  rig<Block, Objective, Device> r(tiny_shared, seed);
  dice any(seed);
  double worst = 0;
  int went_round = 0;
  for (int n = 0; n < plans; ++n) {
    const batch b = random_batch(any, sight(n % 3), tiny_shared, 5);
    const step_plan plan = random_plan(any, r.layout(5), {.block = 0.9, .block_factors = true, .sequences = 0.8});
    const double whole = r.loss_with_gradient(plan, b);
    const auto g = r.gradient();
    double loss = 0;
    std::vector<double> sum(r.w.size(), 0.0);
    for (int s = 0; s < 5; ++s) {
      const step_plan alone = plan_of_sequence(plan, s, r.layout());
      went_round += plan.size() - alone.size();
      loss += r.loss_with_gradient(alone, part_of(b, std::size_t(s), 1));
      add_gradient(r, r.packed_gradient(), sum);
    }
    worst = std::max({worst, std::abs(loss - whole) / whole, gap(r.model.layout(), plan, g, sum)});
    r.poison(b);
    r.model.begin(plan);
    for (std::size_t s = 0; s < 5; s += 2) r.model.accumulate(plan, part_of(b, s, std::min<std::size_t>(2, 5 - s)));
    worst = std::max({worst, std::abs(r.results()[0] - whole) / whole, gap(r.model.layout(), plan, g, r.gradient())});
  }
  CHECK(worst < 1e-13);
  CHECK(went_round > plans);
}

/// The logits of the targets of each sequence.
template <class Rig> std::vector<std::vector<double>> logits_of_sequences(Rig& r, const step_plan& plan, const batch& b) {
  r.model.begin(plan, false);
  const auto logits = r.model.predict(plan, b);
  std::vector<std::vector<double>> all(b.segments.size());
  for (std::size_t t = 0, s = 0; t < b.targets.size(); ++t) {
    while (b.targets[t].row >= b.segments[s].first + b.segments[s].length) ++s;
    all[s].insert(all[s].end(), logits.begin() + std::ptrdiff_t(t) * 11, logits.begin() + std::ptrdiff_t(t + 1) * 11);
  }
  return all;
}

template <class Block, class Objective, class Device> void rows_that_go_by_keep_their_bits() {
  rig<Block, Objective, Device> r(tiny, 81);
  dice any(82);
  const batch b = random_batch(any, sight::both_sides, tiny, 4);
  const step_plan plan = changed_plan(r.layout(4), [](block_plan& block) {
    if (block.block == 1) block.sequences = {0, 2};
    if (block.block == 2) block.sequences = {2, 3};
    if (Block::residual::norm_first && block.block > 0) block.factor = 1.7;
  });
  const auto mixed = logits_of_sequences(r, plan, b);
  for (int s = 0; s < 4; ++s) {
    CAPTURE(s);
    const auto alone = logits_of_sequences(r, plan_of_sequence(plan, s, r.layout()), b)[std::size_t(s)];
    CHECK(distance(mixed[std::size_t(s)], alone) <= (promises_equal_bits_across_rows ? 0 : 1e-13));
  }
  CHECK(mixed[1] != logits_of_sequences(r, step_plan::full(r.layout()), b)[1]);
}

}  // namespace

TEST_CASE_TEMPLATE("A step whose blocks drop sequences is the sum of its sequences, each under its own plan, to 1e-13 in double", Device,
                   RAPTR_TEST_DEVICES) {
  a_step_is_the_sum_of_its_sequences<gpt64, causal_lm, Device>(5, 71);
  a_step_is_the_sum_of_its_sequences<bert64, masked_lm, Device>(5, 72);
  a_step_is_the_sum_of_its_sequences<mixture64, masked_lm, Device>(5, 73);
}

TEST_CASE_TEMPLATE("Rows that go round a block keep their bits, and those that pass through have the bits of the whole block", Device,
                   RAPTR_TEST_DEVICES) {
  rows_that_go_by_keep_their_bits<gpt64, causal_lm, Device>();
  rows_that_go_by_keep_their_bits<bert64, masked_lm, Device>();
}

TEST_CASE("A plan that names every sequence has the bits of one that names none") {
  rig<bert64, masked_lm, host_device> r(tiny, 83);
  dice any(84);
  const batch b = random_batch(any, sight::both_sides, tiny, 3);
  const step_plan full = step_plan::full(r.layout());
  const step_plan all = changed_plan(r.layout(3), [](block_plan& block) { block.sequences = {0, 1, 2}; });
  const double loss = r.loss_with_gradient(full, b);
  const auto g = r.packed_gradient();
  CHECK(r.loss_with_gradient(all, b) == loss);
  CHECK(r.model.activation_bytes(all, b) == r.model.activation_bytes(full, b));
  const auto h = r.packed_gradient();
  for (const param_range& range : r.model.active().kept)
    for (auto i = std::size_t(range.packed); i < std::size_t(range.packed + range.length); ++i)
      if (g[i] != h[i]) FAIL_CHECK("element " << i);
}

TEST_CASE("Sequences that go round a block cost nothing there, and bytes and arithmetic are estimated") {
  rig<gpt64, causal_lm, host_device> r(tiny, 85);
  dice any(86);
  const batch b = random_batch(any, sight::causal, tiny, 4);
  for (int n = 0; n < 10; ++n) {
    const step_plan plan = random_plan(any, r.layout(4), {.block_factors = true, .sequences = 0.7});
    const std::size_t estimated = r.model.activation_bytes(plan, b);
    r.model.begin(plan), r.model.accumulate(plan, b);
    CHECK(estimated == r.model.activation_peak());
  }
  const step_plan plan = changed_plan(r.layout(4), [](block_plan& block) {
    if (block.block == 1) block.sequences = {0, 3};
  });
  const double full = r.model.needs(step_plan::full(r.layout()), b).multiply_adds, row = 3 * (4 * 8 * 8 + 2 * 8 * 12);
  CHECK(full - r.model.needs(plan, b).multiply_adds == row * (b.segments[1].length + b.segments[2].length));
  const batch other = part_of(b, 1, 2);  // none of its sequences passes through block 1
  CHECK(r.model.needs(plan, other).multiply_adds == r.model.needs(step_plan::of_blocks(r.layout(), {0, 2}), other).multiply_adds);
  CHECK(r.model.activation_bytes(plan, other) == r.model.activation_bytes(step_plan::of_blocks(r.layout(), {0, 2}), other));
}

TEST_CASE("Blocks with the same sequences share their rows in the table, and a batch holds its own rows only") {
  dice any(87);
  const batch b = random_batch(any, sight::causal, tiny, 4);
  const step_plan plan = changed_plan(layout_of<gpt64>(tiny, 8), [](block_plan& block) {
    if (block.block != 1) block.sequences = {1, 3, 6};
  });
  step_table table;
  table.lower(b, step_plan::full(layout_of<gpt64>(tiny, 8)));
  const std::size_t without = table.words().size();
  table.lower(b, plan);
  const std::vector<block_rows> first = table.blocks();
  REQUIRE(first.size() == 3);
  CHECK(first[0].rows == b.segments[1].length + b.segments[3].length);
  CHECK(first[0].segments == 2);
  CHECK(first[0].rows_at == first[2].rows_at);
  CHECK(first[0].segments_at == first[2].segments_at);
  CHECK(first[1].rows_at == -1);
  CHECK(table.words().size() == without + 2 * 3 + 2 * std::size_t(first[0].rows));  // their numbers and positions
  for (int r = 0; r < first[0].rows; ++r) {
    const auto number = [&](std::int64_t at) { return table.words()[std::size_t(at + r)]; };
    CHECK(number(first[0].positions_at) == b.positions[std::size_t(number(first[0].rows_at))]);
  }
  CHECK(first[1].positions_at == table.positions_at);
  CHECK(table.words()[std::size_t(first[0].segments_at + 3)] == b.segments[1].length);  // the second segment of the dense rows
  CHECK(table.words()[std::size_t(first[0].rows_at)] == b.segments[1].first);
  batch second = b;
  second.first_sequence = 4;
  table.lower(second, plan);
  CHECK(table.blocks()[0].rows == b.segments[2].length);
  CHECK(table.words()[std::size_t(table.blocks()[0].rows_at)] == b.segments[2].first);
  second.clear();
  CHECK(second.first_sequence == 0);
}

TEST_CASE("A batch of other sequences than the plan chose from is refused with its numbers") {
  rig<gpt64, causal_lm, host_device> r;
  dice any(88);
  batch b = random_batch(any, sight::causal, tiny, 4);
  const step_plan full = step_plan::full(r.layout(6));
  r.model.begin(full);
  b.first_sequence = 100;
  r.model.accumulate(full, b);  // it drops none, so it asks for no numbers
  const step_plan plan = changed_plan(r.layout(6), [](block_plan& block) {
    if (block.block == 1) block.sequences = {0, 5};
  });
  r.model.begin(plan);
  for (const int first : {3, -1}) {
    b.first_sequence = first;
    const std::string said = sentence_of<input_error>([&] { r.model.accumulate(plan, b); });
    CAPTURE(said);
    CHECK(has(said, "sequences " + std::to_string(first) + " to " + std::to_string(first + 3)));
    CHECK(has(said, "chose from 6"));
    CHECK(sentence_of<input_error>([&] { r.model.needs(plan, b); }) == said);
  }
  b.first_sequence = 2;
  r.model.accumulate(plan, b);
  CHECK(std::isfinite(r.results()[0]));
}

namespace {
/// Cuts each window into two segments, or leaves every third one whole.
struct in_halves {
  [[maybe_unused]] static constexpr bool looks_back_only = true;
  [[maybe_unused]] static constexpr std::string_view name = "in_halves";
  static constexpr int window(int context) { return context; }
  template <class Vocabulary> void add(batch& to, std::span<const std::int32_t> tokens, const Vocabulary&, std::uint64_t, std::int64_t sample) const {
    const int n = static_cast<int>(tokens.size()), first = static_cast<int>(to.ids.size()), half = sample % 3 == 2 ? n : n / 2;
    to.add_segment(half, 0);
    if (half < n) to.add_segment(n - half, 0);
    for (int i = 0; i < n; ++i) to.ids.push_back(tokens[std::size_t(i)] % 11), to.targets.push_back({first + i, tokens[std::size_t(i)] % 7, 1.0f});
  }
};
}  // namespace

TEST_CASE_TEMPLATE("Several segments of a window are one sequence: kept and dropped together, in every micro-batch", Device, RAPTR_TEST_DEVICES) {
  rig<gpt64, causal_lm, Device> r(tiny_shared, 87);
  const token_list tokens(200);
  const in_halves objective;
  windows<token_list, in_halves> cut(tokens, objective, tiny_shared.context);
  const auto batch_of = [&](int first, int count) {
    batch b;
    b.first_sequence = first;
    for (int k = first; k < first + count; ++k) cut.add(b, k, 1, k);
    return b;
  };
  const batch whole = batch_of(0, 6);
  REQUIRE(whole.segments.size() == 10);
  CHECK(whole.sequences == std::vector<int>{0, 0, 1, 1, 2, 3, 3, 4, 4, 5});
  const step_plan plan = changed_plan(r.layout(6), [](block_plan& b) {
    if (b.block == 0) b.sequences = {1, 2, 5};
    if (b.block == 2) b.sequences = {0, 3, 4, 5};
  });
  // Every segment as a sequence of its own, with the plan written for these.
  batch apart = whole;
  apart.sequences.clear();
  const step_plan for_apart = changed_plan(r.layout(10), [](block_plan& b) {
    if (b.block == 0) b.sequences = {2, 3, 4, 9};
    if (b.block == 2) b.sequences = {0, 1, 5, 6, 7, 8, 9};
  });
  const double loss = r.loss_with_gradient(plan, whole);
  const auto gradient = r.gradient();
  CHECK(loss == r.loss_with_gradient(for_apart, apart));
  CHECK(gap(r.model.layout(), plan, gradient, r.gradient()) == 0);
  r.poison(whole);
  r.model.begin(plan);
  for (const int first : {0, 2, 4}) r.model.accumulate(plan, batch_of(first, 2));
  CHECK(std::abs(r.results()[0] - loss) <= 1e-13 * loss);
  CHECK(gap(r.model.layout(), plan, gradient, r.gradient()) < 1e-13);
  batch wrong = whole;
  wrong.sequences.pop_back();
  CHECK(has(sentence_of<input_error>([&] { r.model.accumulate(plan, wrong); }), "10 segments and 9 numbers of sequences"));
  batch late = batch_of(2, 5);
  CHECK(has(sentence_of<input_error>([&] { r.model.accumulate(plan, late); }), "the sequences 2 to 6"));
}
