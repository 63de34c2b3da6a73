// SPDX-License-Identifier: Apache-2.0
// The curves of one or more runs: loss against steps and against FLOPs, with stage boundaries and validation losses.
#pragma once

#include <raptr/run/metrics.hpp>

#include "plot.hpp"

namespace program {

using namespace raptr;

struct run_curve {
  std::string name;
  std::vector<step_metrics> steps;
};

namespace detail {

/// The x coordinate of every step: its number, or the sum of FLOPs up to it.
inline std::vector<double> places(const run_curve& run, bool flops) {
  std::vector<double> x;
  double sum = 0;
  for (const step_metrics& m : run.steps) x.push_back(sum += flops ? m.total_flops : 1.0);
  return x;
}

inline plot::panel loss_panel(const std::vector<run_curve>& runs, bool flops) {
  static constexpr const char* colours[] = {"#1f6fb4", "#d1661a", "#2c8c4a", "#8a4fa8", "#b03050", "#6b6b6b"};
  plot::panel p{flops ? "Loss against FLOPs" : "Loss against steps", flops ? "FLOPs so far, head and optimizer included" : "steps", "loss", {}, {}};
  for (std::size_t r = 0; r < runs.size(); ++r) {
    const std::string colour = colours[r % std::size(colours)], of = runs.size() > 1 ? runs[r].name + ", " : "";
    const std::vector<double> x = places(runs[r], flops);
    plot::points training, validation;
    for (std::size_t k = 0; k < x.size(); ++k) {
      const step_metrics& m = runs[r].steps[k];
      if (m.loss) training.emplace_back(x[k], *m.loss);
      if (m.validation_loss) validation.emplace_back(x[k], *m.validation_loss);
    }
    if (runs.size() == 1) p.lines.push_back({"", colour, plot::thinned(training, 600), true, 1.0, 0.3, training.size() < 60});
    p.lines.push_back({of + "training", colour, plot::thinned(training, 60), true, runs.size() > 1 ? 1.2 : 2.0, runs.size() > 1 ? 0.5 : 1.0});
    if (validation.empty()) continue;
    const std::string of_validation = runs.size() > 1 ? colour : "#b8400f";
    p.lines.push_back({"", of_validation, validation, true, 1.4, 1.0});
    p.lines.push_back({of + (runs.size() > 1 ? "validation" : "validation, full network"), of_validation, std::move(validation), false});
  }
  // Stages are shown if one run has more than one of them.
  const run_curve* shown = nullptr;
  int staged = 0;
  for (const run_curve& run : runs)
    if (!run.steps.empty() && run.steps.back().stage > 1) shown = &run, ++staged;
  if (staged != 1) return p;
  const std::vector<double> x = places(*shown, flops);
  const auto& steps = shown->steps;
  for (std::size_t first = 0; first < steps.size();) {
    std::size_t end = first;
    double blocks = 0;
    while (end < steps.size() && steps[end].stage == steps[first].stage) blocks += steps[end++].active_blocks;
    const double mean = blocks / double(end - first);
    p.spans.push_back({first ? x[first - 1] : 0.0, x[end - 1], fixed_text(mean, mean == std::floor(mean) ? 0 : 1) + " blocks"});
    first = end;
  }
  return p;
}

}  // namespace detail

inline std::string curves_svg(const std::string& title, const std::vector<run_curve>& runs) {
  return plot::svg(title, {detail::loss_panel(runs, false), detail::loss_panel(runs, true)});
}

}  // namespace program
