// SPDX-License-Identifier: Apache-2.0
// The loss of a plan over a text, without gradients.
#pragma once

#include <algorithm>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include <raptr/base/share.hpp>
#include <raptr/base/stop.hpp>
#include <raptr/data/windows.hpp>
#include <raptr/nn/step_results.hpp>
#include <raptr/subnet/step_plan.hpp>
#include <raptr/train/agreement.hpp>
#include <raptr/train/error.hpp>
#include <raptr/train/mean_loss.hpp>

namespace raptr {

/// The mean, also of each group of targets, over the first `most` windows (0: all) of a text, in its order, batch_size of them at once.
/// Masks are drawn from `seed`. Waits for the device. Throws input_error if the plan is not valid for this model or drops sequences, and
/// stopped on a request to any rank. Ranks divide the windows among them; all must call it, and all have the result.
template <class Model, class Tokens, communicator Comm>
mean_loss loss_of(Model& model, Comm& comm, const step_plan& plan, const Tokens& tokens, int batch_size, std::int64_t most = 0,
                  std::uint64_t seed = 0, const std::stop_token& stop = {}) {
  static_assert(token_source<Tokens>,
                "raptr: the first argument of evaluate() is a raptr::token_source, such as a raptr::token_stream: "
                "it needs size(), read(first, span) and vocabulary()");
  if (batch_size < 1) errors::run_option_is_out_of_range("batch_size", std::to_string(batch_size), "at least 1");
  plan.check();
  for (const block_plan& b : plan.blocks())
    if (!b.sequences.empty()) errors::evaluated_plan_drops_sequences(b.block);
  windows<Tokens, typename Model::objective_type> cut(tokens, model.objective(), model.shape().context);
  const index_range own = share_of(most > 0 ? std::min(most, cut.count()) : cut.count(), comm.rank(), comm.ranks());
  model.begin(plan, false);
  mean_loss mean;
  mean.groups = empty_groups(groups_of(model.objective()));
  double targets = 0;
  bool stops = false;
  batch data;
  for (std::int64_t window = own.first; window < own.last; window += batch_size) {
    if ((stops = stop.stop_requested())) break;
    data.clear();
    for (std::int64_t k = window; k < std::min(own.last, window + batch_size); ++k) cut.add(data, k, seed, k);
    targets += data.target_weight();
    add_weights(mean.groups, data);
    if (!data.targets.empty()) model.accumulate(plan, data, false);
  }
  std::vector<double> numbers = download(model.ops(), static_cast<const double*>(model.results_data()), model.results_size());
  const step_results results(numbers.data());
  std::vector<double> mine{double(stops), targets, results.loss()};
  for (const group_loss& g : mean.groups) mine.push_back(g.weight);
  mine.insert(mine.end(), results.group_losses(model.layout().all().size()), numbers.data() + numbers.size());
  const std::vector<double> sums = summed_over_ranks(comm, mine, {.name = "evaluation", .may_be_slow = true});
  throw_if_stopped(sums[0] > 0);
  if (sums[1] > 0) mean.loss = sums[2] / sums[1];
  for (std::size_t k = 0; k < mean.groups.size(); ++k) mean.groups[k].weight = sums[3 + k];
  set_losses(mean.groups, sums.data() + 3 + mean.groups.size(), 1);
  return mean;
}

}  // namespace raptr
