// SPDX-License-Identifier: Apache-2.0
// Every tensor of a model, under random plans, against a fourth-order difference along a direction of its active part.
// Half of the direction is the gradient itself, so that the slope is never small by chance and a relative error alone
// decides; the other half is random, so that a missing entry is seen.
#pragma once

#include <doctest/doctest.h>

#include <set>
#include <utility>

#include "small_model.hpp"

namespace raptr::testing {

/// |difference - slope| / the larger of both, along a direction of these elements. Leaves other weights in the model than r.w.
/// h: the step; a deep or gated model under large factors bends so much that it wants a smaller one.
template <class Rig> double slope_error(Rig& r, dice& any, const step_plan& plan, const batch& b, const std::vector<double>& g,
                                        const std::vector<std::size_t>& elements, double h = 2e-5) {
  double length = 0, slope = 0, numeric = 0;
  for (const std::size_t k : elements) length += g[k] * g[k];
  length = std::sqrt(length / double(elements.size()));
  std::vector<double> v;
  for (const std::size_t k : elements) v.push_back((length > 0 ? g[k] / length : 0) + 0.5 * any.normal()), slope += v.back() * g[k];
  for (const auto& [steps, share] : {std::pair{-2, 1.0}, {-1, -8.0}, {1, 8.0}, {2, -1.0}}) {
    auto moved = r.w;
    for (std::size_t i = 0; i < v.size(); ++i) moved[elements[i]] += steps * h * v[i];
    r.model.set_weights(moved);
    numeric += share * r.loss(plan, b) / (12 * h);
  }
  if (length == 0 && std::abs(numeric) < 1e-9) return 0;  // relative positions in a plan without attention: the rest is rounding
  return std::abs(numeric - slope) / std::max(std::abs(numeric), std::abs(slope));
}

struct gradient_report {
  double worst = 0;  // slope_error
  int tensors = 0, never_checked = 0, never_kept = 0, never_dropped = 0;
};

template <class Rig> gradient_report check_gradients(Rig& r, dice& any, int plans, const odds& of) {
  gradient_report report;
  std::set<std::size_t> checked;
  std::set<std::pair<std::size_t, int>> kept, dropped;
  const weight_layout& layout = r.model.layout();
  for (int n = 0; n < plans; ++n) {
    const batch b = random_batch(any, sight(n % 3), r.model.shape(), 3);
    const step_plan plan = random_plan(any, r.layout(static_cast<int>(b.segments.size())), of);
    r.loss_with_gradient(plan, b);
    const auto g = r.gradient();
    std::vector<std::vector<std::size_t>> tensors(layout.all().size());
    each_element(layout, plan, [&](const placed_weight& w, int unit, std::size_t k, bool on) {
      const auto t = static_cast<std::size_t>(&w - layout.all().data());
      (on ? kept : dropped).insert({t, unit});
      if (on) tensors[t].push_back(k);
    });
    for (std::size_t t = 0; t < tensors.size(); ++t) {
      const auto& elements = tensors[t];
      if (elements.empty()) continue;
      const double error = slope_error(r, any, plan, b, g, elements);
      report.worst = std::isfinite(error) ? std::max(report.worst, error) : HUGE_VAL;
      ++report.tensors, checked.insert(t);
    }
    r.model.set_weights(r.w);
  }
  for (std::size_t t = 0; t < layout.all().size(); ++t) {
    const placed_weight& w = layout.all()[t];
    report.never_checked += !checked.contains(t);
    for (int unit = 0; unit < w.units; ++unit)
      report.never_kept += !kept.contains({t, unit}), report.never_dropped += w.block >= 0 && !dropped.contains({t, unit});
  }
  return report;
}

/// To be called in a test case.
template <class Block, class Objective, class Device>
void gradients_are_differences(int plans, const odds& of, unsigned seed, const model_shape& shape = tiny) {
  rig<Block, Objective, Device> r(shape, seed, small_options<Device>(false));
  dice any(seed);
  const gradient_report found = check_gradients(r, any, plans, of);
  MESSAGE(plans << " plans, " << found.tensors << " tensors, worst relative error " << found.worst);
  CHECK(found.worst < 1e-6);
  CHECK(found.tensors > 10 * plans);
  CHECK(found.never_checked == 0);
  CHECK(found.never_kept == 0);
  CHECK(found.never_dropped == 0);
}

}  // namespace raptr::testing
