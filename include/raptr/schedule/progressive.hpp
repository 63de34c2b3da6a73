// SPDX-License-Identifier: Apache-2.0
// Whether a schedule is progressive: block FLOPs never decrease and the last stage is the full network; a warm-up of the full
// network may come first. Available for values, as a concept (progressive), and as a type with error messages.
#pragma once

#include <raptr/schedule/check.hpp>
#include <raptr/schedule/cost.hpp>
#include <raptr/schedule/growth.hpp>

namespace raptr {

/// Whether every stage fits this network.
constexpr bool fits_network(const subnet_schedule auto& schedule, const network_layout& layout, std::int64_t total) {
  bool fits = true;
  each_span(schedule, layout.shape, total, [&](const stage_rule& stage, const step_span&) {
    for (const drop_rule& r : stage) {
      fits = fits && layout.has(r.place, r.axis) && r.fits(total_of(r, layout), layout.shape.layers);
      for (const part_layout& p : layout.parts())
        fits = fits && (r.place != unit_place::parts || p.axis != r.axis || r.fits(p.units, layout.shape.layers));
    }
  });
  return fits;
}
/// Whether no stage trains less than the previous one, except after a warm-up of the full network, and no block leaves the network.
constexpr bool never_shrinks(const subnet_schedule auto& schedule, const network_layout& layout, std::int64_t total) {
  bool warming_up = true, growing = true;
  double before = 0;
  unit_set network;
  each_span(schedule, layout.shape, total, [&](const stage_rule& stage, const step_span& span) {
    if constexpr (growing_schedule<std::remove_cvref_t<decltype(schedule)>>) {
      const unit_set next = network_of(schedule, position_at(schedule, span.first, total, layout.shape));
      for (const int block : network) growing = growing && next.has(block);
      network = next;
    }
    const flops now = block_flops(stage, layout);
    warming_up = warming_up && now.is_full();
    if (warming_up) return;
    growing = growing && now.active >= before;
    before = now.active;
  });
  return growing;
}
/// Whether the last step trains the full network.
constexpr bool ends_full(const subnet_schedule auto& schedule, const network_layout& layout, std::int64_t total) {
  return block_flops(schedule.at(position_at(schedule, total - 1, total, layout.shape)), layout).is_full();
}

template <class S, class Block, model_shape Shape>
concept stages_fit = static_stages<S> && block_of_parts<Block> && fits_network(S{}, layout_of<Block>(Shape), sample_total<S>());
template <class S, class Block, model_shape Shape>
concept sizes_never_shrink = never_shrinks(S{}, layout_of<Block>(Shape), sample_total<S>());
template <class S, class Block, model_shape Shape>
concept last_stage_is_full = ends_full(S{}, layout_of<Block>(Shape), sample_total<S>());

template <class S, class Block, model_shape Shape>
concept progressive = stages_fit<S, Block, Shape> && sizes_never_shrink<S, Block, Shape> && last_stage_is_full<S, Block, Shape>;

/// Use it in place of S: checks the same three conditions, with a message for each on every compiler.
template <static_stages S, block_of_parts Block, model_shape Shape> struct require_progressive : S {
  static constexpr bool fits = stages_fit<S, Block, Shape>;
  static constexpr bool growing = [] {
    if constexpr (fits)
      return sizes_never_shrink<S, Block, Shape>;
    else
      return true;
  }();
  static constexpr bool full = [] {
    if constexpr (fits)
      return last_stage_is_full<S, Block, Shape>;
    else
      return true;
  }();
  static_assert(fits,
                "raptr: a stage of this schedule keeps more units than the model has, not a whole number of them, or fewer than are always "
                "kept, or its profile leaves 0 to 1, or it drops an axis that no part of the block has");
  static_assert(growing, "raptr: a stage of this schedule trains less than the one before it: put the stages in growing order");
  static_assert(full, "raptr: the last stage of this schedule is not the full network: end with raptr::full_network");
};

}  // namespace raptr
