// SPDX-License-Identifier: Apache-2.0
// The micro-batches of a step: of each of them, the sequences that this rank trains. Which windows a step has depends neither on the
// number of ranks nor on what was trained before.
#pragma once

#include <cstdint>
#include <vector>

#include <raptr/base/share.hpp>
#include <raptr/data/sample_order.hpp>
#include <raptr/nn/batch.hpp>
#include <raptr/train/report.hpp>
#include <raptr/train/run_options.hpp>

namespace raptr {

class step_batches {
 public:
  explicit step_batches(int micro_batches) : list_(static_cast<std::size_t>(micro_batches)) {}

  /// Fills them for step r.step, counts tokens, targets and the weights of groups in r, and returns the weight of all targets.
  template <class Windows> double fill(Windows& cut, sample_order& order, const run_options& options, step_report& r, int rank, int ranks) {
    const index_range own = share_of(options.batch, rank, ranks);
    double weight = 0;
    for (std::size_t k = 0; k < list_.size(); ++k) {
      batch& b = list_[k];
      const std::int64_t before = static_cast<std::int64_t>(k) * options.batch;  // sequences of the step
      const std::int64_t first = r.step * options.batch * options.accumulate + before;
      b.clear();
      b.first_sequence = static_cast<int>(before + own.first);
      for (std::int64_t slot = own.first; slot < own.last; ++slot) cut.add(b, order[first + slot], options.seed, first + slot);
      r.tokens += static_cast<std::int64_t>(b.ids.size()), r.targets += static_cast<std::int64_t>(b.targets.size());
      weight += b.target_weight();
      add_weights(r.losses, b);
    }
    return weight;
  }
  std::vector<batch>& list() { return list_; }

 private:
  std::vector<batch> list_;
};

}  // namespace raptr
