// SPDX-License-Identifier: Apache-2.0
// The cost of a schedule: block FLOPs relative to the full network. Parts define the FLOPs of their units, so user-defined axes
// are counted like those of the library. Exact where stages keep whole numbers: integers in doubles and one division.
#pragma once

#include <raptr/schedule/run_position.hpp>
#include <raptr/subnet/layout.hpp>

namespace raptr {

/// FLOPs of all blocks, forward, for one token, on average over the draws.
struct flops {
  double active, full;
  constexpr bool is_full() const { return active == full; }
};

/// The number of units on a rule's axis. If the number of sequences is unknown, the denominator of the kept share.
constexpr int total_of(const drop_rule& r, const network_layout& net) {
  if (r.place == unit_place::sequences && net.sequences == 0) return r.kept.some_total(r.axis);
  return net.units_of(r.place, r.axis);
}

/// The share of the depth that trains, on average over the draws: of layers, sub-layers and sequences together. A function of the
/// position alone, so that the scale and the learning rate that follow the depth agree in every step [completep].
constexpr double depth_share(const stage_rule& stage, const network_layout& net) {
  double share = 1;
  for (const drop_rule& r : stage)
    if (r.place != unit_place::parts) share *= r.kept_of(total_of(r, net)) / total_of(r, net);
  return share;
}

/// Whether a rule keeps one part, such as attention, more often than another.
constexpr bool favours_a_part(const drop_rule& r, const network_layout& net) {
  const int parts = static_cast<int>(net.parts().size()), total = net.sublayers();
  const double mean = r.place == unit_place::sublayers ? r.kept_of(total) : total;
  if (mean == total || !r.select.knows_probability) return false;
  for (int p = 0; p < parts; ++p) {
    double kept = -mean / parts;
    for (int unit = p; unit < total; unit += parts) kept += r.select.probability(unit, total, {static_cast<int>(mean), mean, parts});
    if (kept > 1e-9 * total || kept < -1e-9 * total) return true;
  }
  return false;
}

/// Throws input_error if the stage does not fit the network.
constexpr flops block_flops(const stage_rule& stage, const network_layout& net) {
  const int layers = net.shape.layers, parts = static_cast<int>(net.parts().size());
  // Counts rules that treat blocks differently. With at most one, means multiply; with two, probabilities are needed.
  int uneven = 0;
  double whole = 1;
  for (const drop_rule& r : stage) {
    uneven += r.in_depth() ? 1 + (r.select.by_depth.varies() || favours_a_part(r, net)) : 2 * r.profile.varies();
    if (r.place != unit_place::parts) whole *= total_of(r, net);
  }
  const auto kept = [&](const drop_rule& r, int unit) {
    const int total = total_of(r, net);
    const double mean = r.kept_of(total);
    if (uneven < 2 || mean == total || !r.select.knows_probability) return mean;
    return total * r.select.probability(unit, total, {static_cast<int>(mean), mean, net.units_per_block(r.place)});
  };
  double active = 0;
  for (int l = 0; l < layers; ++l) {
    double block = 1, inside = 0;
    for (const drop_rule& r : stage) {
      if (r.place == unit_place::blocks) block *= kept(r, l);
      if (r.place == unit_place::sequences) block *= r.kept_in(l, layers, total_of(r, net));
    }
    for (int p = 0; p < parts; ++p) {
      const part_layout& part = net.parts()[static_cast<std::size_t>(p)];
      double units = part.units, sublayer = 1;
      for (const drop_rule& r : stage) {
        if (r.place == unit_place::sublayers) sublayer = kept(r, l * parts + p);
        if (r.place == unit_place::parts && r.axis == part.axis) units = r.kept_in(l, layers, part.units);
      }
      inside += sublayer * units * part.flops_per_unit;
    }
    active += block * inside;
  }
  return {active / whole, layers * net.block_flops()};
}

/// The mean over a run of `total` steps, relative to the full network.
constexpr double block_flops_ratio(const subnet_schedule auto& schedule, const network_layout& layout, std::int64_t total) {
  double active = 0, full = 0;
  each_span(schedule, layout.shape, total, [&](const stage_rule& stage, const step_span& span) {
    const flops f = block_flops(stage, layout);
    active += f.active * span.steps(), full += f.full * span.steps();
  });
  return active / full;
}
template <static_stages S, block_of_parts Block> constexpr double block_flops_ratio(const model_shape& shape, std::int64_t total) {
  return block_flops_ratio(S{}, layout_of<Block>(shape), total);
}
/// The same where every stage boundary is a share of the run.
template <static_stages S, block_of_parts Block> constexpr double block_flops_ratio(const model_shape& shape) {
  static_assert(S::period() > 0,
                "raptr: this schedule counts in steps, so its cost depends on the length of the run: block_flops_ratio<S, Block>(shape, total)");
  return block_flops_ratio<S, Block>(shape, S::period());
}

}  // namespace raptr
