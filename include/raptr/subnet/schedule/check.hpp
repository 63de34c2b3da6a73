// SPDX-License-Identifier: Apache-2.0
// Does a schedule fit a network? Asked for a whole run before its first step, and of types by the compiler.
#pragma once

#include <raptr/subnet/layout.hpp>
#include <raptr/subnet/schedule/moment.hpp>

namespace raptr {

/// Walks the whole run. Throws input_error, with the numbers, if a stage keeps more than the network has or fewer than are
/// fixed, drops what the network cannot, or scales whole blocks where norm_first is false (post-norm); if a turn leaves
/// no step for what follows; if the run has no steps.
constexpr void check_schedule(const subnet_schedule auto& schedule, const network_layout& layout, std::int64_t total, bool norm_first) {
  each_span(schedule, layout.shape, total, [&](const stage_rule& stage, const step_span& span) {
    for (const drop_rule& r : stage) {
      if (r.axis != layers::name) errors::network_has_no_such_axis(r.axis);
      (void)r.kept_of(layout.shape.layers);
      if (r.scale.whole_block && !norm_first) errors::whole_block_scale_meets_post_norm(span.first);
    }
  });
}

/// Is what a whole block adds multiplied anywhere in the run?
constexpr bool scales_whole_block(const subnet_schedule auto& schedule, std::int64_t total, const model_shape& shape = {}) {
  bool found = false;
  each_span(schedule, shape, total, [&](const stage_rule& stage, const step_span&) {
    for (const drop_rule& r : stage) found = found || r.scale.whole_block;
  });
  return found;
}

/// A length of run at which the compiler walks over the stages of a type; any will do if it counts in steps.
template <static_stages S> constexpr std::int64_t sample_total() { return S::period() ? S::period() : longest_run; }

/// Nothing is known of schedules without static stages: check_schedule finds it before the first step.
template <class S, bool NormFirst> constexpr bool scales_fit_norm() {
  if constexpr (static_stages<S>)
    return NormFirst || !scales_whole_block(S{}, sample_total<S>());
  else
    return true;
}
/// For a class that takes a schedule and a block: a base or member of this type makes the compiler say it.
template <class S, bool NormFirst> struct require_fitting_scales {
  static_assert(scales_fit_norm<S, NormFirst>(),
                "raptr: this schedule scales whole blocks (raptr::inverse), which a block with raptr::post_norm cannot do: "
                "use raptr::inverse_per_branch, or raptr::pre_norm in the block");
};

}  // namespace raptr
