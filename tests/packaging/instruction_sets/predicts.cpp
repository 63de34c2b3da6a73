// SPDX-License-Identifier: Apache-2.0
// The file that only predicts.
#include "model.hpp"

#include <raptr/tokenizers/byte.hpp>

double predicted_loss() {
  model network(shape, {2});
  network.initialise(7);
  const raptr::step_plan full = raptr::step_plan::full(network.plan_layout());
  raptr::batch b;
  raptr::byte_tokenizer::encode("a line of twenty-one.", b.ids);
  b.add_segment(static_cast<int>(b.ids.size()), 0);
  for (int i = 0; i + 1 < static_cast<int>(b.ids.size()); ++i) b.targets.push_back({i, b.ids[static_cast<std::size_t>(i) + 1], 1});
  b.normaliser = b.target_weight();
  network.begin(full, false);
  const std::vector<float> logits = network.predict(full, b);
  double loss = 0;
  for (std::size_t row = 0; row < b.targets.size(); ++row) {
    const float* const l = logits.data() + row * static_cast<std::size_t>(shape.vocab);
    double sum = 0;
    for (int i = 0; i < shape.vocab; ++i) sum += std::exp(double(l[i]));
    loss += (std::log(sum) - double(l[b.targets[row].id])) / b.normaliser;
  }
  return loss;
}
