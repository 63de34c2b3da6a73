// SPDX-License-Identifier: Apache-2.0
// Whole training steps: milliseconds, tokens per second, the share of the H100's 989 TFLOP/s and of the rate of a large product
// in this run; the step against the active share of blocks; and the same step a thousand times, which must give the same bits.
//   steps [FILE]   appends JSON lines to FILE
#include <algorithm>
#include <chrono>

#include <raptr/backend/cuda.cuh>
#include <raptr/optim/optimizer.hpp>
#include <raptr/raptr.hpp>
#include <raptr/schedule/any_schedule.hpp>
#include <raptr/schedule/plan.hpp>
#include <raptr/tokenizers/vocabulary.hpp>

#include "table.hpp"

namespace {
using namespace raptr;
using namespace raptr::benchmarks;
using clock_type = std::chrono::steady_clock;

double product_rate() {
  constexpr int large = 8192;
  cuda_ops<bfloat16, float> ops;
  bfloat16* arrays[3];
  const std::vector<bfloat16> values(std::size_t(large) * large, bfloat16(0.01f));
  for (bfloat16*& a : arrays) a = ops.allocate<bfloat16>(values.size()), ops.upload(a, values.data(), values.size());
  bfloat16 last;
  std::vector<double> all;
  for (int k = 0; k < 6; ++k) {
    const auto start = clock_type::now();
    for (int i = 0; i < 10; ++i) ops.matmul_nt(arrays[0], arrays[1], {arrays[2], large, large}, nullptr, large, 1, no_epilogue{});
    ops.wait(ops.fetch(&last, static_cast<const bfloat16*>(arrays[0]), 1));
    if (k > 0) all.push_back(std::chrono::duration<double>(clock_type::now() - start).count() / 10);
  }
  return 2.0 * large * large * double(large) / median_of(all);
}

template <class Block, class Objective> struct trained {
  using model_type = transformer<Block, Objective, cuda>;
  model_type model;
  optimizer<adamw, model_type> rule;
  batch data;
  step_plan plan;
  std::vector<double> results;

  trained(const model_shape& shape, int sequences) : model(shape), rule(model, adamw{}), plan(model.plan_layout(sequences)) {
    const auto draw = random_key{1}.stream("benchmark");
    std::vector<std::int32_t> window(std::size_t(Objective::window(shape.context)));
    const vocabulary words{.size = shape.vocab, .end_of_text = shape.vocab - 1, .mask = shape.vocab - 2, .pad = shape.vocab - 3};
    for (int s = 0; s < sequences; ++s) {
      for (std::size_t i = 0; i < window.size(); ++i)
        window[i] = std::int32_t(draw.below(std::uint64_t(shape.vocab - 3), std::uint64_t(s) * window.size() + i));
      model.objective().add(data, window, words, 1, s);
    }
    data.normaliser = data.target_weight();
    model.initialise(1);
    results.resize(model.results_size());
  }
  void draw(const any_schedule& schedule, std::uint64_t step) { plan_into(plan, schedule, draw_key{1, step}, 1'000'000); }
  void step() { model.begin(plan), model.accumulate(plan, data), rule.step(model, 1e-4, 1.0); }
  void wait() {
    auto& ops = model.ops();
    ops.wait(ops.fetch(results.data(), static_cast<const double*>(model.results_data()), results.size()));
  }
  /// Milliseconds: the median of five samples.
  double time(const any_schedule& schedule) {
    std::uint64_t number = 0;
    draw(schedule, number++), step();  // wait() needs the results of a first step
    const auto sample = [&](int times) {
      wait();
      const auto start = clock_type::now();
      for (int i = 0; i < times; ++i) draw(schedule, number++), step();
      wait();
      return std::chrono::duration<double, std::milli>(clock_type::now() - start).count() / times;
    };
    sample(4);
    const int times = std::clamp(int(400 / sample(2)), 2, 100);
    std::vector<double> all;
    for (int k = 0; k < 5; ++k) all.push_back(sample(times));
    return median_of(all);
  }
  /// FLOPs of products and attention, forward and backward, for the current plan.
  double flops() const {
    const model_shape& s = model.shape();
    double seen = 0;
    for (const segment& g : data.segments) seen += double(g.length) * (g.prefix > 0 ? g.length : (g.length + 1) / 2.0);
    return 2 * model.needs(plan, data).multiply_adds + 12 * seen * s.width * double(plan.blocks().size());
  }
};

template <class Block, class Objective>
void measure(const figures& out, const std::string& name, const model_shape& shape, int sequences, double rate) {
  trained<Block, Objective> t(shape, sequences);
  double full = 0;
  const int layers = shape.layers;
  for (const int kept : {layers, layers * 3 / 4, layers / 2, layers / 4}) {
    const any_schedule schedule(kept == layers ? std::string("full") : std::to_string(kept) + "-full@1:1");
    const double ms = t.time(schedule);
    if (kept == layers) full = ms;
    out.line(name + ", " + std::to_string(kept) + " of " + std::to_string(layers) + " blocks", {{"ms", ms},
                                                                                                {"of full", ms / full},
                                                                                                {"tokens/s", 1e3 * double(t.data.ids.size()) / ms},
                                                                                                {"TFLOP", t.flops() / 1e12},
                                                                                                {"of 989", t.flops() / ms / 1e9 / 989},
                                                                                                {"of product", t.flops() / ms * 1e3 / rate}});
  }
}

/// Number of distinct results (loss, norms, gradients, updated weights) of `trials` steps from the same weights and moments.
template <class Block> int kinds_of_bits(int trials) {
  trained<Block, causal_lm> t({.layers = 4, .width = 128, .heads = 2, .vocab = 512, .context = 256}, 16);
  t.draw(any_schedule("3-full with heads 1/2-full"), 0);
  const std::vector<float> start = t.model.get_weights();
  std::vector<std::vector<char>> kinds;
  for (int k = 0; k < trials; ++k) {
    t.model.set_weights(start), t.rule.reset(t.model);
    t.step(), t.wait();
    const auto gradient = download(t.model.ops(), static_cast<const float*>(t.model.gradients()), std::size_t(t.model.active().size));
    const auto weights = t.model.get_weights();
    std::vector<char> bits;
    const auto append = [&bits](const auto* first, std::int64_t count) {
      const char* const bytes = reinterpret_cast<const char*>(first);
      bits.insert(bits.end(), bytes, bytes + count * std::int64_t(sizeof *first));
    };
    append(t.results.data(), std::int64_t(t.results.size()));
    // Alignment leaves unwritten gaps between the tensors of an arena.
    for (const param_range& r : t.model.active().kept) append(gradient.data() + r.packed, r.length), append(weights.data() + r.first, r.length);
    if (std::find(kinds.begin(), kinds.end(), bits) == kinds.end()) kinds.push_back(std::move(bits));
  }
  return int(kinds.size());
}

}  // namespace

int main(int count, char** words) try {
  const figures out(count > 1 ? words[1] : nullptr);
  using gpt_bf16 = block<gpt2_block, bf16>;
  using bert_bf16 = block<bert_block, bf16>;
  const double rate = product_rate();
  constexpr model_shape gpt2{.layers = 12, .width = 768, .heads = 12, .vocab = 50257, .context = 1024};
  constexpr model_shape bert{.layers = 12, .width = 768, .heads = 12, .vocab = 30522, .context = 512};
  measure<gpt2_block, causal_lm>(out, "gpt-small fp32", gpt_small, 16, rate);
  measure<gpt_bf16, causal_lm>(out, "gpt-small bf16", gpt_small, 16, rate);
  measure<gpt_bf16, causal_lm>(out, "gpt2-124m bf16, B 16 T 1024", gpt2, 16, rate);
  measure<bert_bf16, masked_lm>(out, "bert-base bf16, B 64 T 512", bert, 64, rate);
  int wrong = 0;
  for (const auto& [name, kinds] : {std::pair{"bits of 1,000 steps, fp32", kinds_of_bits<gpt2_block>(1000)},
                                    std::pair{"bits of 1,000 steps, bf16", kinds_of_bits<gpt_bf16>(1000)}})
    out.line(name, {{"different results", kinds}}), wrong += kinds != 1;
  return wrong;
} catch (const std::exception& problem) {
  std::fprintf(stderr, "steps: %s\n", problem.what());
  return 2;
}
