// SPDX-License-Identifier: Apache-2.0
// Blocks that are copied over others between two steps, with all that the optimizer knows of them or with nothing.
#include <doctest/doctest.h>

#include <string>

#include <raptr/models/gpt2.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/optim/optimizer.hpp>

#include "scratch_folder.hpp"
#include "small_model.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

struct copy {
  int from, to;
};
using copies = std::vector<copy>;

/// An arena whose blocks are copied one element at a time, on the host.
template <class T> std::vector<T> copied(const std::vector<T>& arena, const weight_layout& layout, const copies& list) {
  std::vector<T> to = arena;
  for (const copy& c : list)
    for (std::size_t k = 0; k < layout.of(1, 0) - layout.of(0, 0); ++k) {
      const placed_weight &a = layout.all()[layout.of(c.from, 0) + k], &b = layout.all()[layout.of(c.to, 0) + k];
      std::copy_n(arena.begin() + a.first, a.size(), to.begin() + b.first);
    }
  return to;
}
/// The same for step counts; with `nothing`, zeros.
std::vector<int> copied_counts(const std::vector<int>& counts, const weight_layout& layout, const copies& list, bool zeros) {
  std::vector<int> to = counts;
  for (const copy& c : list)
    for (const placed_weight& w : layout.all())
      if (w.block == c.to) {
        const placed_weight& from = layout.all()[layout.of(c.from, 0) + std::size_t(&w - layout.all().data()) - layout.of(c.to, 0)];
        for (int u = 0; u < w.units; ++u) to[std::size_t(w.unit + u)] = zeros ? 0 : counts[std::size_t(from.unit + u)];
      }
  return to;
}
/// Of all tensors; what lies between them is nobody's.
template <class T> bool same_tensors(const weight_layout& layout, const std::vector<T>& a, const std::vector<T>& b) {
  for (const placed_weight& w : layout.all())
    if (!std::equal(a.begin() + w.first, a.begin() + w.first + w.size(), b.begin() + w.first)) return false;
  return true;
}

template <class Block, class Objective, class Device> struct run {
  rig<Block, Objective, Device> r{tiny_shared, 91};
  optimizer<adamw, typename rig<Block, Objective, Device>::model_type> optim{r.model, {.weight_decay = 0.1}};
  dice any{92};

  void step(const step_plan& plan) {
    r.model.begin(plan), r.model.accumulate(plan, random_batch(any, sight::causal, tiny_shared));
    optim.step(r.model, 1e-2, 1);
  }
  void warm_up() {
    for (int n = 0; n < 6; ++n) step(random_plan(any, r.layout(), {.block = 0.6}));
  }
  std::vector<double> moment(int k) { return download(r.model.ops(), static_cast<const double*>(optim.moment(k)), r.w.size()); }
  std::vector<int> counts() { return download(r.model.ops(), static_cast<const int*>(optim.counts()), optim.counts_size()); }
};

template <class Block, class Objective, class Device> void blocks_are_copied(const copies& list, grown_state state) {
  run<Block, Objective, Device> grown, by_hand;
  grown.warm_up(), by_hand.warm_up();
  const weight_layout& layout = grown.r.model.layout();
  const bool zeros = state == grown_state::reset;
  const auto w = grown.r.model.get_weights(), m = grown.moment(0), v = grown.moment(1);
  const std::vector<int> n = grown.counts();
  grown.r.model.copy_blocks(list), grown.optim.copy_blocks(grown.r.model, list, state);

  const auto expected_w = copied(w, layout, list);
  auto expected_m = copied(m, layout, list), expected_v = copied(v, layout, list);
  const std::vector<int> expected_n = copied_counts(n, layout, list, zeros);
  for (const copy& c : list)
    for (const placed_weight& p : layout.all())
      if (zeros && p.block == c.to)
        for (std::int64_t i = 0; i < p.size(); ++i) expected_m[std::size_t(p.first + i)] = expected_v[std::size_t(p.first + i)] = 0;
  CHECK(same_tensors(layout, grown.r.model.get_weights(), expected_w));
  CHECK(same_tensors(layout, grown.moment(0), expected_m));
  CHECK(same_tensors(layout, grown.moment(1), expected_v));
  CHECK(grown.counts() == expected_n);
  CHECK_FALSE(same_tensors(layout, expected_w, w));
  CHECK(expected_n != n);

  auto& ops = by_hand.r.model.ops();
  by_hand.r.model.set_weights(expected_w);
  ops.upload(by_hand.optim.moment(0), expected_m.data(), expected_m.size());
  ops.upload(by_hand.optim.moment(1), expected_v.data(), expected_v.size());
  ops.upload(by_hand.optim.counts(), expected_n.data(), expected_n.size());
  const step_plan full = step_plan::full(grown.r.layout());
  for (int k = 0; k < 2; ++k) grown.step(full), by_hand.step(full);
  CHECK(same_tensors(layout, grown.r.model.get_weights(), by_hand.r.model.get_weights()));
  CHECK(grown.r.results() == by_hand.r.results());
}

}  // namespace

TEST_CASE_TEMPLATE("Growth copies weights, moments and step counts, all blocks at once, and a step goes on as from copies made by hand", Device,
                   RAPTR_TEST_DEVICES) {
  const copies shift{{0, 1}, {1, 2}}, swap{{0, 2}, {2, 0}}, one{{0, 2}};
  for (const grown_state state : {grown_state::copied, grown_state::reset}) {
    blocks_are_copied<gpt64, causal_lm, Device>(shift, state);
    blocks_are_copied<bert64, masked_lm, Device>(swap, state);
    blocks_are_copied<mixture64, masked_lm, Device>(one, state);
  }
}

TEST_CASE("Weights of copied blocks in fp32 keep their bits") {
  rig<gpt2_block, causal_lm, host_device> r(tiny, 93);
  const copies shift{{1, 2}, {0, 1}};
  r.model.copy_blocks(shift);
  CHECK(r.model.get_weights() == copied(r.w, r.model.layout(), shift));
  r.model.copy_blocks(copies{});
  CHECK(r.model.get_weights() == copied(r.w, r.model.layout(), shift));
}

TEST_CASE("A new optimizer and one that was reset know nothing of any weight") {
  run<gpt64, causal_lm, host_device> r;
  r.warm_up();
  r.optim.reset(r.r.model);
  CHECK(r.counts() == std::vector<int>(r.optim.counts_size(), 0));
  for (int k = 0; k < 2; ++k) CHECK(r.moment(k) == std::vector<double>(r.r.w.size(), 0.0));
}

TEST_CASE("A block that does not exist, or is written twice, is refused with its numbers and changes nothing") {
  run<gpt64, causal_lm, host_device> r;
  r.warm_up();
  const auto w = r.r.model.get_weights();
  const auto refused = [&](const copies& list, const std::string& what) {
    const std::string said = sentence_of<input_error>([&] { r.r.model.copy_blocks(list); });
    CAPTURE(said);
    CHECK(has(said, what));
    CHECK(sentence_of<input_error>([&] { r.optim.copy_blocks(r.r.model, list, grown_state::copied); }) == said);
  };
  refused({{0, 1}, {1, 3}}, "block 1 cannot be copied over block 3: blocks are 0 to 2");
  refused({{3, 1}}, "block 3 cannot be copied over block 1");
  refused({{-1, 1}}, "block -1");
  refused({{1, -1}}, "over block -1");
  refused({{0, 2}, {1, 2}}, "blocks 0 and 1 are both to be copied over block 2");
  CHECK(r.r.model.get_weights() == w);
  transformer<gpt64, causal_lm, host_device> empty(tiny, {1});
  CHECK(has(sentence_of<input_error>([&] { empty.copy_blocks(copies{{0, 1}}); }), "initialise"));
}
