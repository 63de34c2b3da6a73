// SPDX-License-Identifier: Apache-2.0
// The reporter of step_bench: medians over the rounds as a table and as JSON, each against its bound. The bound of a
// variant that keeps the share s of what its axis owns is full - (1 - s) own, where own is the time saved by leaving the axis
// out altogether. So time that no axis owns (head, embedding) does not count against the variant.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace raptr::benchmarks {

class share_table : public benchmark::BenchmarkReporter {
 public:
  struct row {
    std::string shape, axis, part, without;
    double owned = 1;
    std::vector<double> ms{};
    double measured = 0, estimated = 0, flops_share = 0, multiply_adds = 0, of_peak = 0;  // MiB, MiB, of the blocks, of a step

    double median() const {
      std::vector<double> sorted = ms;
      std::sort(sorted.begin(), sorted.end());
      const std::size_t n = sorted.size();
      return n == 0 ? 0 : (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    }
  };

  /// name: of the benchmark. Call it in the order of the rows of the table.
  void expect(const std::string& name, row what) {
    order_.push_back(name);
    rows_.emplace(name, std::move(what));
  }
  bool failed() const { return failed_; }
  void write_json(const std::string& path, int threads) const;

  bool ReportContext(const Context& context) override {
    PrintBasicContext(&GetErrorStream(), context);
    return true;
  }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.error_occurred) std::fprintf(stderr, "%s: %s\n", run.benchmark_name().c_str(), run.error_message.c_str()), failed_ = true;
      if (run.error_occurred || run.run_type != Run::RT_Iteration) continue;
      row& r = rows_.at(run.run_name.function_name);
      r.ms.push_back(run.GetAdjustedRealTime());
      const auto counter = [&](const char* name) { return run.counters.at(name).value; };
      r.measured = std::max(r.measured, counter("MiB")), r.estimated = std::max(r.estimated, counter("estimated_MiB"));
      r.flops_share = counter("flops_share"), r.multiply_adds = counter("multiply_adds"), r.of_peak = std::max(r.of_peak, counter("of_peak"));
    }
  }
  void Finalize() override {
    std::printf("%-10s %-10s %-9s %8s %9s %9s %7s %8s %8s %8s %8s %8s\n", "shape", "axis", "share", "of FLOPs", "ms", "bound", "ratio", "spread",
                "MiB", "estimated", "GMA", "of peak");
    for (const std::string& name : order_) {
      const row& r = rows_.at(name);
      if (r.ms.empty()) continue;
      const double ms = r.median(), bound = bound_of(r);
      const auto [least, most] = std::minmax_element(r.ms.begin(), r.ms.end());
      std::printf("%-10s %-10s %-9s %8.3f %9.2f ", r.shape.c_str(), r.axis.c_str(), r.part.c_str(), r.flops_share, ms);
      if (bound > 0)
        std::printf("%9.2f %7.3f ", bound, ms / bound);
      else
        std::printf("%9s %7s ", "", "");
      std::printf("%8.3f %8.2f %8.2f %8.2f %8.3f\n", (*most - *least) / ms, r.measured, r.estimated, r.multiply_adds * 1e-9, r.of_peak);
    }
  }

 private:
  /// Milliseconds; 0 if there is no bound, or if the runs it needs are missing.
  double bound_of(const row& r) const {
    const auto median = [&](const std::string& name) {
      const auto at = rows_.find(r.shape + "/" + name);
      return at == rows_.end() ? 0.0 : at->second.median();
    };
    const double full = median("full"), rest = median("without/" + r.without);
    return r.without.empty() || full == 0 || rest == 0 ? 0 : full - (1 - r.owned) * (full - rest);
  }

  std::map<std::string, row> rows_;
  std::vector<std::string> order_;
  bool failed_ = false;
};

inline void share_table::write_json(const std::string& path, int threads) const {
  std::ofstream file(path);
  file.precision(12);
  file << "{\"threads\": " << threads << ", \"rows\": [";
  const char* between = "\n  ";
  for (const std::string& name : order_) {
    const row& r = rows_.at(name);
    if (r.ms.empty()) continue;
    file << between << "{\"shape\": \"" << r.shape << "\", \"axis\": \"" << r.axis << "\", \"share\": \"" << r.part << "\", \"owned\": " << r.owned
         << ", \"block_flops_share\": " << r.flops_share << ", \"ms_median\": " << r.median() << ", \"ms_bound\": ";
    if (const double bound = bound_of(r); bound > 0)
      file << bound;
    else
      file << "null";
    file << ", \"MiB\": " << r.measured << ", \"estimated_MiB\": " << r.estimated << ", \"multiply_adds\": " << r.multiply_adds
         << ", \"of_peak\": " << r.of_peak << ", \"ms\": [";
    for (std::size_t i = 0; i < r.ms.size(); ++i) file << (i ? ", " : "") << r.ms[i];
    file << "]}";
    between = ",\n  ";
  }
  file << "\n]}\n";
  if (!file.flush()) std::fprintf(stderr, "cannot write %s\n", path.c_str());
}

}  // namespace raptr::benchmarks
