// SPDX-License-Identifier: Apache-2.0
// The file that trains.
#include "model.hpp"

#include <raptr/optim/adamw.hpp>
#include <raptr/schedule/schedule.hpp>
#include <raptr/train/trainer.hpp>

namespace {
/// A text that a model learns in a few steps.
struct counting {
  std::int64_t size() const { return 4000; }
  void read(std::int64_t first, std::span<std::int32_t> out) const {
    for (std::int32_t& id : out) id = static_cast<std::int32_t>(first++ * 7 % 130);
  }
  raptr::vocabulary vocabulary() const { return {.size = 131, .end_of_text = 130}; }
};
}  // namespace

double trained_loss() {
  raptr::trainer run(model(shape, {2}), raptr::schedule<raptr::stage<raptr::share<1, 1>, raptr::full_network>>{}, raptr::adamw{.lr = 1e-2});
  double loss = 0;
  run.run(counting{}, {.steps = 10, .batch = 9, .accumulate = 2}, [&](const raptr::step_report& now) { loss = now.loss; });
  return loss;
}

double weights_of(const model& given) { return double(given.layout().parameters()); }
