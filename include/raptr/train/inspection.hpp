// SPDX-License-Identifier: Apache-2.0
// What a step has computed, for the hook of a trainer between its backward pass and its update. Only the active part is defined:
// gradients exist packed, for kept units alone, and activations for active blocks alone, so everything is read through here.
#pragma once

#include <cstdint>
#include <vector>

#include <raptr/backend/param_range.hpp>
#include <raptr/nn/active_layout.hpp>
#include <raptr/schedule/run_position.hpp>
#include <raptr/subnet/step_plan.hpp>
#include <raptr/tensor/buffer.hpp>
#include <raptr/train/error.hpp>

namespace raptr {

/// Valid during the call of the hook. Every function that returns a vector waits for the device. Where ranks train plans of their own, plan() and
/// what is read of activations are those of this rank; gradients and weights are of what any rank trains, averaged as the update sees them.
template <class Model> class inspection {
 public:
  using real = typename Model::real;
  using master = typename Model::master;

  /// passed: whether the step had a target; without one all gradients are 0 and there are no activations.
  inspection(const Model& model, const run_position& position, const step_plan& plan, bool passed)
      : model_(model), position_(position), plan_(plan), passed_(passed) {}
  const Model& model() const { return model_; }
  const run_position& position() const { return position_; }
  const step_plan& plan() const { return plan_; }

  /// Of tensor k of model().layout().all(): (kept units, rows of a unit, width), units ascending; empty if it does not train. The
  /// gradient is that of the whole step, all micro-batches, before clipping. Throws input_error where update_options::sharded leaves each
  /// rank a part of it.
  std::vector<master> gradient(std::size_t k) const {
    if (!model_.has_gradients()) errors::gradient_is_sharded();
    const active_weight& a = model_.active().weights[k];
    return read(static_cast<const master*>(model_.gradients()) + a.packed, a.units * model_.layout().all()[k].per_unit);
  }
  /// The same elements of the weights, before the update.
  std::vector<master> weights(std::size_t k) const {
    std::vector<master> all;
    for (const param_range& r : model_.active().kept)
      if (r.tensor == static_cast<int>(k)) {
        const auto run = read(static_cast<const master*>(model_.weights()) + r.first, r.length);
        all.insert(all.end(), run.begin(), run.end());
      }
    return all;
  }

  /// What part number `Part` of a block kept for its backward pass, in the last micro-batch with a target: device pointers, those of
  /// raptr::pre_norm::saved and of `saved` in the part, rows(block) rows each. Throws input_error if the part did not run.
  template <std::size_t Part> const auto& saved(int block) const {
    if (rows(block) == 0 || plan_.block(block).parts()[Part].units.empty()) errors::part_is_not_active(block, Part);
    return model_.blocks().template saved<Part>(block);
  }
  /// The rows of that micro-batch that passed through a block.
  std::int64_t rows(int block) const {
    for (std::size_t k = 0; passed_ && k < plan_.blocks().size(); ++k)
      if (plan_.blocks()[k].block == block) return model_.table().blocks()[k].rows;
    return 0;
  }
  /// n elements of device memory.
  template <class T> std::vector<T> read(const T* from, std::int64_t n) const {
    return n > 0 ? download(model_.ops(), from, static_cast<std::size_t>(n)) : std::vector<T>{};
  }

 private:
  const Model& model_;
  const run_position& position_;
  const step_plan& plan_;
  bool passed_;
};

}  // namespace raptr
