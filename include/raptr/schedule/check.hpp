// SPDX-License-Identifier: Apache-2.0
// Checks that a schedule fits a network: for a whole run before its first step, and for types at compile time.
#pragma once

#include <raptr/schedule/cost.hpp>

namespace raptr {

/// How many heads or neurons are one unit of an axis: those that share keys and values, or are kept together.
constexpr int members_of_unit(std::string_view axis, const model_shape& shape) {
  return axis == heads::name ? shape.queries_per_group() : axis == neurons::name ? shape.neuron_group : 1;
}

/// Throws input_error, with the numbers, if a rule does not fit the network.
constexpr void check_rule(const drop_rule& r, const network_layout& layout) {
  const int total = total_of(r, layout), depth = layout.shape.layers, per_block = layout.units_per_block(r.place);
  for (const part_layout& part : layout.parts())
    if (r.place == unit_place::parts && part.axis == r.axis) {
      const int members = members_of_unit(r.axis, layout.shape);
      if (members > 1 && !r.meant().fits(part.units)) errors::stage_does_not_fit_the_groups(r.axis, part.units, members);
      (void)r.kept_of(part.units);
    }
  const double mean = r.kept_of(total) / total;
  if (mean == 1) return;
  r.select.always.in_units(per_block).check(mean * total);
  double sum = 0;
  for (int l = 0; l < depth; ++l) {
    sum += r.profile(l, depth, mean) / depth;
    if (r.profile.varies()) r.select.always.check(r.kept_in(l, depth, total));
  }
  if (r.select.by_depth.varies()) {
    sum = 0;
    for (int unit = 0; unit < total; ++unit)
      sum += r.select.probability(unit, total, {static_cast<int>(mean * total), mean * total, per_block}) / total;
  }
  if (sum - mean > 1e-6 || mean - sum > 1e-6) errors::profile_has_another_mean(r.axis, sum, mean);
}

/// Checks all stages of a run. Throws input_error, with the numbers, if a stage keeps more than the network has, not a whole
/// number of units, or fewer than are fixed, drops an axis that the network lacks, or scales whole blocks where norm_first is
/// false (post-norm); if a schedule inside `then` leaves no step for the next one; if the run has no steps.
constexpr void check_schedule(const subnet_schedule auto& schedule, const network_layout& layout, std::int64_t total, bool norm_first) {
  each_span(schedule, layout.shape, total, [&](const stage_rule& stage, const step_span& span) {
    for (const drop_rule& r : stage) {
      check_rule(r, layout);
      if (r.scales_whole_block() && !norm_first) errors::whole_block_scale_meets_post_norm(span.first);
    }
  });
}

/// Whether any stage of the run scales whole blocks.
constexpr bool scales_whole_block(const subnet_schedule auto& schedule, std::int64_t total, const model_shape& shape = {}) {
  bool found = false;
  each_span(schedule, shape, total, [&](const stage_rule& stage, const step_span&) {
    for (const drop_rule& r : stage) found = found || r.scales_whole_block();
  });
  return found;
}

/// The run length for compile-time checks of a schedule type; arbitrary if the schedule counts in steps.
template <static_stages S> constexpr std::int64_t sample_total() { return S::period() ? S::period() : longest_run; }

/// True for schedules without static stages, which check_schedule checks before the first step.
template <class S, bool NormFirst> constexpr bool scales_fit_norm() {
  if constexpr (static_stages<S>)
    return NormFirst || !scales_whole_block(S{}, sample_total<S>());
  else
    return true;
}
/// For a class that takes a schedule and a block: instantiating this type checks the two at compile time.
template <class S, bool NormFirst> struct require_fitting_scales {
  static_assert(scales_fit_norm<S, NormFirst>(),
                "raptr: this schedule scales whole blocks (raptr::inverse), which is not defined for raptr::post_norm: "
                "use raptr::inverse_per_branch, or raptr::pre_norm in the block");
};

}  // namespace raptr
