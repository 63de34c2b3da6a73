// SPDX-License-Identifier: Apache-2.0
// The curves of one or more runs: loss against steps and against FLOPs, with stage boundaries and validation losses, as one
// self-contained SVG. Lines are thinned to the resolution of a screen, so the file size does not grow with the run.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <raptr/base/number_text.hpp>
#include <raptr/run/metrics.hpp>

namespace program {
using namespace raptr;
}

namespace program::plot {

using points = std::vector<std::pair<double, double>>;

struct series {
  std::string name;  // empty: not in the legend
  std::string colour;
  points at;
  bool line = true;  // else dots
  double width = 1.8, opacity = 1;
  bool sets_range = true;
};
/// A part of the x axis with a name, such as a stage.
struct span {
  double from, to;
  std::string name;
};
struct panel {
  std::string title, x_name, y_name;
  std::vector<series> lines;
  std::vector<span> spans;
};

/// Means of consecutive points, at most `most` of them.
inline points thinned(const points& all, std::size_t most) {
  if (all.size() <= most) return all;
  points few;
  for (std::size_t k = 0; k < most; ++k) {
    const std::size_t from = k * all.size() / most, to = (k + 1) * all.size() / most;
    double x = 0, y = 0;
    for (std::size_t i = from; i < to; ++i) x += all[i].first, y += all[i].second;
    few.emplace_back(x / double(to - from), y / double(to - from));
  }
  return few;
}

namespace detail {

inline std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
  return out;
}
/// A round distance of ticks that gives at most `most` of them.
inline double round_step(double length, int most) {
  const double power = std::pow(10.0, std::floor(std::log10(length / most)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (length / (power * factor) <= most) return power * factor;
  return power * 10;
}
inline std::string text_at(double x, double y, const std::string& text, const std::string& style) {
  return "<text x=\"" + fixed_text(x, 1) + "\" y=\"" + fixed_text(y, 1) + "\" " + style + ">" + escaped(text) + "</text>\n";
}
inline std::string line_at(double x1, double y1, double x2, double y2, const std::string& style) {
  return "<line x1=\"" + fixed_text(x1, 1) + "\" y1=\"" + fixed_text(y1, 1) + "\" x2=\"" + fixed_text(x2, 1) + "\" y2=\"" + fixed_text(y2, 1) +
         "\" " + style + "/>\n";
}

struct frame {
  double left, top, width, height;
  double x0 = 0, x1 = 1, y0 = 0, y1 = 1;
  double x(double v) const { return left + (v - x0) / (x1 - x0) * width; }
  double y(double v) const { return top + height - (v - y0) / (y1 - y0) * height; }
};

inline void fit(frame& f, const panel& p) {
  double x1 = 0;
  for (const series& s : p.lines)
    for (const auto& [x, y] : s.at) x1 = (std::max)(x1, x);
  std::vector<double> all;  // without the steep first steps
  for (const series& s : p.lines)
    for (const auto& [x, y] : s.at)
      if (s.sets_range && (x > 0.02 * x1 || s.at.size() < 20)) all.push_back(y);
  std::ranges::sort(all);
  double low = all.empty() ? 0 : all.front(), high = all.empty() ? 1 : all[(all.size() - 1) * 98 / 100];  // a few peaks are cut off
  if (high - low < 1e-9 * (std::max)(1.0, std::abs(high))) low -= 0.5, high += 0.5;
  const double room = 0.06 * (high - low);
  f.x0 = 0, f.x1 = x1 > 0 ? 1.015 * x1 : 1, f.y0 = low - room, f.y1 = high + 2.4 * room;
}

inline std::string draw(const panel& p, frame f, const std::string& id) {
  fit(f, p);
  std::string svg = text_at(f.left, f.top - 14, p.title, "class=\"title\"");
  const double right = f.left + f.width, bottom = f.top + f.height;
  const double y_step = round_step(f.y1 - f.y0, 6), x_step = round_step(f.x1 - f.x0, 6);
  const int digits = (std::max)(0, static_cast<int>(-std::floor(std::log10(y_step) + 1e-9)));
  for (double y = std::ceil(f.y0 / y_step) * y_step; y <= f.y1; y += y_step) {
    svg += line_at(f.left, f.y(y), right, f.y(y), "class=\"grid\"");
    svg += text_at(f.left - 8, f.y(y) + 4, fixed_text(y, digits), "class=\"tick\" text-anchor=\"end\"");
  }
  for (int k = 0; k * x_step <= f.x1; ++k) {
    svg += line_at(f.x(k * x_step), bottom, f.x(k * x_step), bottom + 5, "class=\"axis\"");
    svg += text_at(f.x(k * x_step), bottom + 19, tick_text(k * x_step, f.x1), "class=\"tick\" text-anchor=\"middle\"");
  }
  for (std::size_t k = 0; k < p.spans.size(); ++k) {
    const span& s = p.spans[k];
    if (k) svg += line_at(f.x(s.from), f.top, f.x(s.from), bottom, "class=\"border\"");
    if (f.x(s.to) - f.x(s.from) > 7.0 * double(s.name.size()))
      svg += text_at((f.x(s.from) + f.x(s.to)) / 2, f.top + 15, s.name, "class=\"stage\" text-anchor=\"middle\"");
  }
  svg += "<clipPath id=\"" + id + "\"><rect x=\"" + fixed_text(f.left, 1) + "\" y=\"" + fixed_text(f.top, 1) + "\" width=\"" +
         fixed_text(f.width, 1) + "\" height=\"" + fixed_text(f.height, 1) + "\"/></clipPath>\n<g clip-path=\"url(#" + id + ")\">\n";
  for (const series& s : p.lines) {
    if (s.line) {
      svg += "<polyline fill=\"none\" stroke=\"" + s.colour + "\" stroke-width=\"" + fixed_text(s.width, 1) + "\" stroke-opacity=\"" +
             fixed_text(s.opacity, 2) + "\" points=\"";
      for (const auto& [x, y] : s.at) svg += fixed_text(f.x(x), 1) + "," + fixed_text(f.y(y), 1) + " ";
      svg += "\"/>\n";
    } else {
      for (const auto& [x, y] : s.at)
        svg += "<circle cx=\"" + fixed_text(f.x(x), 1) + "\" cy=\"" + fixed_text(f.y(y), 1) + "\" r=\"3.6\" fill=\"#fff\" stroke=\"" + s.colour +
               "\" stroke-width=\"1.8\"/>\n";
    }
  }
  svg += "</g>\n" + line_at(f.left, bottom, right, bottom, "class=\"axis\"") + line_at(f.left, f.top, f.left, bottom, "class=\"axis\"");
  svg += text_at((f.left + right) / 2, bottom + 40, p.x_name, "class=\"name\" text-anchor=\"middle\"");
  svg += "<text transform=\"translate(" + fixed_text(f.left - 48, 1) + "," + fixed_text((f.top + bottom) / 2, 1) +
         ") rotate(-90)\" class=\"name\" text-anchor=\"middle\">" + escaped(p.y_name) + "</text>\n";
  std::size_t longest = 0, named = 0;
  for (const series& s : p.lines) longest = (std::max)(longest, s.name.size()), named += !s.name.empty();
  const double x = right - 8.0 - 6.8 * double(longest);
  double y = f.top + 40;
  svg += "<rect x=\"" + fixed_text(x - 38, 1) + "\" y=\"" + fixed_text(y - 17, 1) + "\" width=\"" + fixed_text(right - x + 36, 1) + "\" height=\"" +
         fixed_text(18.0 * double(named) + 6, 1) + "\" fill=\"#fff\" fill-opacity=\"0.85\"/>\n";
  for (const series& s : p.lines) {
    if (s.name.empty()) continue;
    if (s.line)
      svg += line_at(x - 32, y - 4, x - 8, y - 4,
                     "stroke=\"" + s.colour + "\" stroke-width=\"2.2\" stroke-opacity=\"" + fixed_text(s.opacity, 2) + "\"");
    else
      svg += "<circle cx=\"" + fixed_text(x - 20, 1) + "\" cy=\"" + fixed_text(y - 4, 1) + "\" r=\"3.6\" fill=\"#fff\" stroke=\"" + s.colour +
             "\" stroke-width=\"1.8\"/>\n";
    svg += text_at(x, y, s.name, "class=\"tick\"");
    y += 18;
  }
  return svg;
}

}  // namespace detail

/// The panels side by side.
inline std::string svg(const std::string& title, const std::vector<panel>& panels) {
  constexpr double width = 560, height = 400;
  const double whole = width * double(panels.size());
  std::string text = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + fixed_text(whole, 0) + "\" height=\"" + fixed_text(height, 0) +
                     "\" viewBox=\"0 0 " + fixed_text(whole, 0) + " " + fixed_text(height, 0) +
                     "\" font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\">\n<title>" + detail::escaped(title) +
                     "</"
                     "title>\n<style>.title{font-size:14px;fill:#222}.head{font-size:16px;font-weight:bold;fill:#222}.tick{font-size:12px;fill:#444}."
                     "name{font-size:12px;fill:#222}"
                     ".stage{font-size:11px;fill:#777}.grid{stroke:#e4e4e4}.axis{stroke:#444}.border{stroke:#999;stroke-dasharray:4 4}</style>\n"
                     "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n" +
                     detail::text_at(66, 28, title, "class=\"head\"");
  for (std::size_t k = 0; k < panels.size(); ++k)
    text += detail::draw(panels[k], {66 + width * double(k), 74, width - 96, height - 74 - 56}, "panel" + std::to_string(k));
  return text + "</svg>\n";
}

}  // namespace program::plot

namespace program {

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
  const bool alone = runs.size() == 1;  // else a colour for each run, and one entry of the legend
  plot::panel p{flops ? "Loss against FLOPs" : "Loss against steps", flops ? "FLOPs so far, head and optimizer included" : "steps", "loss", {}, {}};
  if (!alone) {
    p.title = flops ? "At equal cost: loss against FLOPs" : "At equal steps: loss against steps";
    p.y_name = "validation loss (dots), training loss (pale)";
  }
  for (std::size_t r = 0; r < runs.size(); ++r) {
    const std::string colour = colours[r % std::size(colours)];
    const std::vector<double> x = places(runs[r], flops);
    plot::points training, validation;
    for (std::size_t k = 0; k < x.size(); ++k) {
      const step_metrics& m = runs[r].steps[k];
      if (m.loss) training.emplace_back(x[k], *m.loss);
      if (m.validation_loss) validation.emplace_back(x[k], *m.validation_loss);
    }
    if (alone) p.lines.push_back({"", colour, plot::thinned(training, 600), true, 1.0, 0.3, training.size() < 60});
    p.lines.push_back({alone                ? "training"
                       : validation.empty() ? runs[r].name
                                            : "",
                       colour, plot::thinned(training, 60), true, alone ? 2.0 : 1.2, alone || validation.empty() ? 1.0 : 0.35});
    if (validation.empty()) continue;
    const std::string of_validation = alone ? "#b8400f" : colour;
    p.lines.push_back({"", of_validation, validation, true, alone ? 1.4 : 1.8, 1.0});
    p.lines.push_back({alone ? "validation, full network" : runs[r].name, of_validation, std::move(validation), false});
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
