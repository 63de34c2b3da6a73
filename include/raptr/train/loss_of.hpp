// SPDX-License-Identifier: Apache-2.0
// The loss of a plan over a text, without gradients.
#pragma once

#include <algorithm>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include <raptr/base/stop.hpp>
#include <raptr/data/windows.hpp>
#include <raptr/nn/step_results.hpp>
#include <raptr/subnet/step_plan.hpp>
#include <raptr/train/error.hpp>
#include <raptr/train/mean_loss.hpp>

namespace raptr {

/// The mean, also of each group of targets, over the first `most` windows (0: all) of a text, in its order, batch_size of them at once.
/// Masks are drawn from `seed`. Waits for the device. Throws input_error if the plan is not valid for this model or drops sequences, and
/// stopped on a request.
template <class Model, class Tokens> mean_loss loss_of(Model& model, const step_plan& plan, const Tokens& tokens, int batch_size,
                                                       std::int64_t most = 0, std::uint64_t seed = 0, const std::stop_token& stop = {}) {
  static_assert(token_source<Tokens>,
                "raptr: the first argument of evaluate() is a raptr::token_source, such as a raptr::token_stream: "
                "it needs size(), read(first, span) and vocabulary()");
  if (batch_size < 1) errors::run_option_is_out_of_range("batch_size", std::to_string(batch_size), "at least 1");
  plan.check();
  for (const block_plan& b : plan.blocks())
    if (!b.sequences.empty()) errors::evaluated_plan_drops_sequences(b.block);
  windows<Tokens, typename Model::objective_type> cut(tokens, model.objective(), model.shape().context);
  const std::int64_t all = most > 0 ? std::min(most, cut.count()) : cut.count();
  model.begin(plan, false);
  double targets = 0;
  mean_loss mean;
  mean.groups = empty_groups(groups_of(model.objective()));
  batch data;
  for (std::int64_t window = 0; window < all; window += batch_size) {
    throw_if_stopped(stop);
    data.clear();
    for (std::int64_t k = window; k < std::min(all, window + batch_size); ++k) cut.add(data, k, seed, k);
    targets += data.target_weight();
    add_weights(mean.groups, data);
    if (!data.targets.empty()) model.accumulate(plan, data, false);
  }
  std::vector<double> numbers = download(model.ops(), static_cast<const double*>(model.results_data()), model.results_size());
  const step_results results(numbers.data());
  if (targets > 0) mean.loss = results.loss() / targets;
  set_losses(mean.groups, results.group_losses(model.layout().all().size()), 1);
  return mean;
}

}  // namespace raptr
