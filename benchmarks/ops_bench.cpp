// SPDX-License-Identifier: Apache-2.0
// The operations of raptr::cpu and, where Eigen is installed, of raptr::eigen: with Eigen's own products as eigen/..., with those of
// OpenBLAS, where there is one, as eigen-blas/...
//   ops_bench [--benchmark_filter=/matmul]
#include <raptr/backend/cpu.hpp>

#include "operations.hpp"

namespace {
/// The overhead of a parallel loop of empty tasks.
void empty_loop(benchmark::State& state) {
  raptr::cpu_backend::thread_team team{int(state.range(0))};
  for (auto _ : state) team.parallel_for(8, [](std::int64_t, int) {});
}
BENCHMARK(empty_loop)->Apply(raptr::benchmarks::by_threads);

const bool registered = (raptr::benchmarks::register_operations<raptr::cpu_ops<float, float>>("cpu"), true);
}  // namespace

BENCHMARK_MAIN();
