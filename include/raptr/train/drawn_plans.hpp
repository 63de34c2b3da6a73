// SPDX-License-Identifier: Apache-2.0
// The plans that the ranks draw for a step. A plan is a function of seed, step and rank, so every rank draws those of all ranks and needs no
// message to know which units are trained, and by how many targets. The gradient, its sums and the update are of the union of the plans.
#pragma once

#include <span>
#include <vector>

#include <raptr/nn/weight_layout.hpp>
#include <raptr/schedule/check_equal_parts.hpp>
#include <raptr/schedule/check_growth.hpp>
#include <raptr/schedule/plan.hpp>
#include <raptr/train/agreement.hpp>
#include <raptr/train/run_options.hpp>

namespace raptr {

class drawn_plans {
 public:
  drawn_plans(const network_layout& layout, plans_of_ranks kind, int rank, int ranks)
      : kind_(kind),
        own_(kind == plans_of_ranks::shared ? 0 : static_cast<std::size_t>(rank)),
        plans_(kind == plans_of_ranks::shared ? 1 : static_cast<std::size_t>(ranks), step_plan(layout)),
        all_(layout) {}

  /// key: of seed and step. Throws input_error if the plans are not of equal size.
  template <class Schedule> void draw(const Schedule& schedule, const draw_key& key, std::int64_t total) {
    for (std::size_t r = 0; r < plans_.size(); ++r) plan_into(plans_[r], schedule, key.of_rank(static_cast<int>(r)), total);
    differ_ = false;
    if (plans_.size() == 1) return;
    const part_sizes first(plans_[0]);
    for (std::size_t r = 1; r < plans_.size(); ++r) {
      differ_ = differ_ || !(plans_[r] == plans_[0]);
      if (const part_sizes size(plans_[r]); !(size == first))
        errors::drawn_parts_differ_in_size(static_cast<std::int64_t>(key.step), first.text(all_.layout()), static_cast<int>(r),
                                           size.text(all_.layout()));
    }
  }
  void check_exist(const unit_set& network, std::int64_t step) const {
    for (const step_plan& plan : plans_) check_blocks_exist(plan, network, step);
  }
  /// Of all plans, in the order of ranks.
  std::uint64_t fingerprint() const {
    std::uint64_t print = 0;
    for (const step_plan& plan : plans_) print = print * 0x100000001b3u ^ fingerprint_of(plan);
    return print;
  }

  /// What this rank trains.
  const step_plan& own() const { return plans_[own_]; }
  /// What any rank with a target trains; valid after merge(). Its factors are 1.
  const step_plan& all() const { return differ_ ? all_ : plans_[0]; }

  /// weights: of the targets of each rank; returns that of all. A rank without targets trains nothing, so its plan does not count.
  double merge(std::span<const double> weights) {
    total_ = 0;
    for (const double w : weights) total_ += w;
    if (differ_) weights_.assign(weights.begin(), weights.end()), unite();
    return total_;
  }
  /// Before the micro-batches of a step. Gradients are divided by the weight of all targets. Where mean_over_trained is asked for, those of a
  /// unit are divided by the weight of the ranks that train it instead, on each rank before the sums.
  template <class Model> void begin(Model& model) {
    model.begin(own());
    if (!differ_) return;
    factors_.clear();
    if (kind_ == plans_of_ranks::mean_over_trained) divide_by_trained(model.layout());
    model.widen(all(), factors_);
  }

 private:
  void divide_by_trained(const weight_layout& layout) {
    factors_.assign(static_cast<std::size_t>(layout.unit_ids()), 0);
    for (std::size_t r = 0; r < plans_.size(); ++r)
      layout.each_run(plans_[r], [&](const placed_weight& w, int first, int units, bool active) {
        for (int unit = first; active && w.counts && unit < first + units; ++unit) factors_[static_cast<std::size_t>(w.unit + unit)] += weights_[r];
      });
    for (double& unit : factors_) unit = unit > 0 ? total_ / unit : 1;
  }
  void unite() {
    all_.clear();
    for (int block = 0; block < all_.layout().shape.layers; ++block) {
      block_plan* to = nullptr;
      for (std::size_t p = 0; p < all_.layout().parts().size(); ++p) {
        unit_set kept;
        for (std::size_t r = 0; r < plans_.size(); ++r)
          if (weights_[r] > 0 && plans_[r].has(block))
            for (const unit_range& range : plans_[r].block(block).parts()[p].units)
              for (int unit = range.first; unit < range.first + range.count; ++unit) kept.add(unit);
        if (kept.empty()) continue;
        if (!to) {
          to = &all_.add(block);
          for (part_plan& part : to->parts()) part.units.clear();
        }
        to->parts()[p].keep(kept);
      }
    }
  }

  plans_of_ranks kind_;
  std::size_t own_;
  std::vector<step_plan> plans_;  // of each rank; one if they share it
  step_plan all_;
  bool differ_ = false;
  double total_ = 0;
  std::vector<double> weights_, factors_;  // of the targets of each rank; of each unit id
};

}  // namespace raptr
