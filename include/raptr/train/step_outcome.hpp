// SPDX-License-Identifier: Apache-2.0
// The results of a step, as its report has them.
#pragma once

#include <cmath>
#include <vector>

#include <raptr/nn/step_results.hpp>
#include <raptr/train/report.hpp>

namespace raptr {

/// Writes loss and norm into the report, and what was not usable. numbers: Model::results_data(), fetched. Returns whether the step
/// changed the weights.
template <class Model> bool read_results(const Model& model, std::vector<double>& numbers, double clip, step_report& r) {
  const step_results results(numbers.data());
  const auto& tensors = model.layout().all();
  r.loss = results.loss(), r.gradient_norm = std::sqrt(results.squared_norm());
  set_losses(r.losses, results.group_losses(tensors.size()), weight_of(r.losses));
  if (results.usable(clip) && r.nonfinite.empty()) return true;
  if (!r.nonfinite.empty()) return false;
  r.nonfinite = std::isfinite(r.loss) ? "gradient" : "loss";
  for (std::size_t k = tensors.size(); k-- > 0;)
    if (!usable_squared_norm(results.tensor_squared_norms()[k], clip)) r.nonfinite = tensors[k].full_name();
  return false;
}

}  // namespace raptr
