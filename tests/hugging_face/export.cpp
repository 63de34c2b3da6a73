// SPDX-License-Identifier: Apache-2.0
// Writes a GPT-2 and a BERT with random weights as checkpoints, and beside each the logits that it gives for some
// tokens: logits.txt holds the ids in its first line, then one line of logits for each token. compare.py loads the
// checkpoints with the transformers package and compares.
#include <filesystem>
#include <fstream>
#include <iostream>

#include <raptr/backend/cpu.hpp>
#include <raptr/raptr.hpp>
#include <raptr/train/checkpoint.hpp>

namespace {

using namespace raptr;

template <class Block, class Objective> void export_model(const std::filesystem::path& folder, const model_shape& shape) {
  transformer<Block, Objective, cpu> model(shape);
  model.initialise(1);
  auto weights = model.get_weights();
  const auto draw = random_key{2}.stream("every bias and gain counts");
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] += static_cast<float>(0.1 * draw.normal(i));
  model.set_weights(weights);
  trainer training(std::move(model), full_network{}, adamw{});
  save_checkpoint(folder, training, vocabulary{.size = shape.vocab, .end_of_text = 0, .mask = 1, .pad = 2});

  batch tokens;
  tokens.add_segment(shape.context, Objective::looks_back_only ? 0 : shape.context);
  for (int i = 0; i < shape.context; ++i) {
    tokens.ids.push_back((i * i * 5 + 3) % shape.vocab);
    tokens.targets.push_back({i, 0, 1.0f});
  }
  const step_plan full = step_plan::full(training.model().plan_layout());
  training.model().begin(full, false);
  const auto logits = training.model().predict(full, tokens);

  std::ofstream out(folder / "logits.txt");
  out.precision(9);
  for (const int id : tokens.ids) out << id << ' ';
  for (std::size_t i = 0; i < logits.size(); ++i) out << (i % static_cast<std::size_t>(shape.vocab) == 0 ? '\n' : ' ') << logits[i];
  out << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: " << argv[0] << " FOLDER\n", 2;
  const std::filesystem::path to = argv[1];
  std::filesystem::create_directories(to);
  constexpr model_shape shape{.layers = 3, .width = 48, .heads = 4, .neurons = 80, .vocab = 70, .context = 12};
  export_model<gpt2_block, causal_lm>(to / "gpt2", shape);
  export_model<bert_block, masked_lm>(to / "bert", shape);
}
