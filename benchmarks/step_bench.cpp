// SPDX-License-Identifier: Apache-2.0
// One whole training step (forward, loss, backward, clip, AdamW) of gpt-small and bert-small against the number of active
// blocks: the promise of the library is that a dropped block costs nothing.
//   --benchmark_filter=gpt_small/.*/2 runs one model with two threads
#include <benchmark/benchmark.h>

#include <numeric>

#include <raptr/backend/cpu.hpp>
#include <raptr/backend/cpu/peak.hpp>
#include <raptr/nn/transformer.hpp>
#include <raptr/optim/optimizer.hpp>
#include <raptr/subnet/schedule/types.hpp>
#include <raptr/train/plan_cost.hpp>

namespace {

using namespace raptr;
constexpr int sequences = 16;

template <class Objective> batch random_batch(const model_shape& shape) {
  struct all_ids {
    int size, mask;
    bool is_special(int) const { return false; }
  };
  const auto draw = random_key{1}.stream("benchmark");
  batch data;
  std::vector<std::int32_t> window(static_cast<std::size_t>(Objective::window(shape.context)));
  for (int s = 0; s < sequences; ++s) {
    for (std::size_t i = 0; i < window.size(); ++i)
      window[i] = static_cast<std::int32_t>(draw.below(static_cast<std::uint64_t>(shape.vocab), static_cast<std::uint64_t>(s) * window.size() + i));
    Objective{}.add(data, window, all_ids{shape.vocab, 0}, 1, s);
  }
  data.normaliser = data.target_weight();
  return data;
}

/// First and last block in, the rest spread evenly: which blocks are drawn does not change the cost.
unit_set spread(int kept, int layers) {
  unit_set blocks;
  for (int k = 0; k < kept; ++k) blocks.add(kept > 1 ? k * (layers - 1) / (kept - 1) : 0);
  return blocks;
}

template <class Block, class Objective> void training_step(benchmark::State& state) {
  const int kept = static_cast<int>(state.range(0)), threads = static_cast<int>(state.range(1));
  transformer<Block, Objective, cpu> model(gpt_small, {.threads = threads});
  model.initialise(1);
  optimizer rule(model, adamw{});
  const batch data = random_batch<Objective>(gpt_small);
  const step_plan plan = step_plan::of_blocks(model.plan_layout(), spread(kept, gpt_small.layers));
  for (auto _ : state) {
    model.begin(plan);
    model.accumulate(plan, data);
    rule.step(model, 1e-4, 1.0);
  }
  const step_size size{static_cast<std::int64_t>(data.ids.size()), static_cast<std::int64_t>(data.targets.size()),
                       decltype(model)::head::flops_per_target(gpt_small), double(model.active().size), adamw::flops};
  const double flops = cost_of(block_flops_of(plan), size, gpt_small).total;
  state.counters["gflop"] = flops * 1e-9;
  state.counters["of_peak"] = benchmark::Counter(flops / (cpu_backend::measured_fma_peak() * threads), benchmark::Counter::kIsIterationInvariantRate);
  state.counters["gflop_per_s"] = benchmark::Counter(flops * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["arena_MiB"] = static_cast<double>(model.activation_peak()) / (1 << 20);
}
void depths(benchmark::internal::Benchmark* b) {
  for (const int threads : {1, 2})
    for (const int kept : {12, 10, 8, 6}) b->Args({kept, threads});
  b->ArgNames({"blocks", "threads"})->Unit(benchmark::kMillisecond)->UseRealTime();
}
BENCHMARK(training_step<gpt2_block, causal_lm>)->Name("gpt_small")->Apply(depths);
BENCHMARK(training_step<bert_block, masked_lm>)->Name("bert_small")->Apply(depths);

}  // namespace
