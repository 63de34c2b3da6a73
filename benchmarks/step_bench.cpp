// SPDX-License-Identifier: Apache-2.0
// One whole training step (plan, forward, loss, backward, clip, AdamW) against the active share of every axis: the library
// promises that dropped parts cost nothing. The variants of a shape are interleaved in random order over several rounds; the
// table has medians. A pass whose activation memory differs from the estimate is an error.
// Where Eigen is installed, gpt-small@eigen/... is the same on raptr::eigen, and gpt-small@eigen-blas/... with the products of OpenBLAS.
//   step_bench [--threads N] [--rounds N] [--steps N] [--json FILE] [--benchmark_filter=gpt-small/(full|without|heads)]
#include <charconv>
#include <chrono>
#include <memory>
#include <string_view>

#include <raptr/backend/cpu.hpp>
#include <raptr/backend/cpu/peak.hpp>

#include "network_under_test.hpp"
#include "share_table.hpp"

namespace {

using namespace raptr;
using namespace raptr::benchmarks;

struct settings {
  int threads = 1, rounds = 7, steps = 1;
  std::string json;
};

std::vector<bench_device>& devices() {
  static std::vector<bench_device> list{{"", make_network_on<cpu>}};
  return list;
}

void run(benchmark::State& state, network_under_test& network, const variant& what, const settings& options, double peak) {
  network.train(what);  // untimed: touches the pages and lays out this plan
  double most = 0, most_estimated = 0, share = 0, multiply_adds = 0, seconds = 0;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    network.train(what);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    state.SetIterationTime(time.count());
    const std::size_t measured = network.activation_peak();
    const pass_needs estimated = network.needs();
    if (measured != estimated.activation_bytes) {
      state.SkipWithError(("activations of " + std::to_string(measured) + " bytes, estimated " + std::to_string(estimated.activation_bytes)).c_str());
      return;
    }
    most = std::max(most, double(measured)), most_estimated = std::max(most_estimated, double(estimated.activation_bytes));
    share += block_flops_of(network.plan()) / (network.plan().layout().shape.layers * network.plan().layout().block_flops()),
        multiply_adds += estimated.multiply_adds, seconds += time.count();
  }
  const double steps = static_cast<double>(state.iterations());
  state.counters["MiB"] = most / (1 << 20);
  state.counters["estimated_MiB"] = most_estimated / (1 << 20);
  state.counters["flops_share"] = share / steps;
  state.counters["multiply_adds"] = multiply_adds / steps;
  state.counters["of_peak"] = 2 * multiply_adds / (seconds * peak * options.threads);
}

/// Removes the options of this program from the list; the rest is for Google Benchmark.
settings read_options(std::vector<std::string>& list) {
  settings read;
  std::vector<std::string> rest;
  for (std::size_t i = 0; i < list.size(); ++i) {
    int* const number = list[i] == "--threads" ? &read.threads : list[i] == "--rounds" ? &read.rounds : list[i] == "--steps" ? &read.steps : nullptr;
    if (!number && list[i] != "--json") {
      rest.push_back(list[i]);
      continue;
    }
    const std::string value = i + 1 < list.size() ? list[i + 1] : "";
    if (number) {
      const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), *number);
      if (problem != std::errc{} || end != value.data() + value.size() || *number < 1)
        throw std::invalid_argument(list[i] + " needs a number from 1, not \"" + value + "\"");
    } else if ((read.json = value).empty())
      throw std::invalid_argument("--json needs the name of a file");
    ++i;
  }
  list = rest;
  return read;
}

}  // namespace

void raptr::benchmarks::add_device(const bench_device& device) { devices().push_back(device); }

int main(int argc, char** argv) try {
  std::vector<std::string> arguments(argv, argv + argc);
  const settings options = read_options(arguments);
  arguments.push_back("--benchmark_enable_random_interleaving=true");
  std::vector<char*> pointers;
  for (std::string& a : arguments) pointers.push_back(a.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;

  const double peak = cpu_backend::measured_fma_peak();
  std::map<std::string, std::unique_ptr<network_under_test>> networks;  // made when their first variant runs
  share_table table;
  for (const bench_shape& shape : bench_shapes())
    for (const bench_device& device : devices())
      for (const variant& what : all_variants()) {
        const std::string row = shape.name + device.suffix, name = row + "/" + what.name();
        table.expect(name, {row, what.axis, what.part, what.without, what.owned});
        const auto timed = [=, &networks](benchmark::State& state) {
          auto& network = networks[row];
          if (!network) network = device.make(shape, options.threads);
          run(state, *network, what, options, peak);
        };
        benchmark::RegisterBenchmark(name.c_str(), timed)
            ->UseManualTime()
            ->Unit(benchmark::kMillisecond)
            ->Iterations(options.steps)
            ->Repetitions(options.rounds);
      }
  benchmark::RunSpecifiedBenchmarks(&table);
  if (!options.json.empty()) table.write_json(options.json, options.threads);
  return table.failed() ? 1 : 0;
} catch (const std::exception& problem) {
  std::fprintf(stderr, "step_bench: %s\n", problem.what());
  return 2;
}
