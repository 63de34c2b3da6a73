// SPDX-License-Identifier: Apache-2.0
// Pretrains a small BERT in a folder. The schedule is a text, as a user would give it; a wrong option and a damaged checkpoint are
// noticed, and the run ends with the same bits all the same. Files need the CMake target raptr::io.
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include <raptr/backend/cpu.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/raptr.hpp>
#include <raptr/run/training_run.hpp>

namespace {

using my_model = raptr::transformer<raptr::bert_block, raptr::masked_lm, raptr::cpu>;

/// Creates the folder, or continues the run in it. Returns the weights after the last step.
std::vector<float> train(const std::filesystem::path& folder, const raptr::token_stream& text, int batch = 4) {
  const auto parts = raptr::hold_out(text, 0.1);
  my_model model({.layers = 6, .width = 32, .heads = 2, .vocab = 259, .context = 32});
  // Half of the blocks, then all of them; of the heads too, for the first third of the steps.
  raptr::trainer trainer(std::move(model), raptr::any_schedule("1/2-full with heads 1/2-full@1:2"), raptr::adamw{.lr = 2e-3},
                         raptr::warmup_linear{.warmup = 5});
  raptr::training_run run(
      folder, trainer, parts.training,
      {.steps = 40, .batch = batch, .validate_every = 10, .validate = [&] { return trainer.evaluate(parts.validation, 4); }, .save_every = 10},
      {.note = [](const std::string& sentence) { std::printf("Note: %s\n", sentence.c_str()); }});
  std::printf("%s\nstarting after step %lld\n", run.plan().text.c_str(), static_cast<long long>(run.steps_done()));
  run.train([](const raptr::step_report& now) {
    if (now.validation_loss) std::puts(now.line().c_str());
  });
  std::printf("%s\n\n", raptr::summary_line(40, run.sums()).c_str());
  return trainer.model().get_weights();
}

}  // namespace

int main() {
  std::string text;
  for (int n = 0; n < 900; ++n) text += std::to_string(n) + (n % 3 ? " green bottles, " : " fizz, ");
  const std::string_view documents[] = {text};
  const raptr::token_stream tokens(raptr::byte_tokenizer{}, documents);
  const auto folder = std::filesystem::temp_directory_path() / ("raptr-example-" + std::to_string(::getpid()));
  const auto before = train(folder, tokens);

  // The state of the last step is lost. The run goes back to the newest good checkpoint, that of step 30.
  std::filesystem::resize_file(folder / "checkpoints/step-000040/optimizer.safetensors", 100);
  std::filesystem::remove(folder / "summary.json");
  const auto after = train(folder, tokens);
  std::printf("the weights after the damage are %s\n", after == before ? "equal, bit for bit" : "DIFFERENT");

  try {
    train(folder, tokens, 8);
  } catch (const raptr::input_error& refused) {
    std::printf("%s\n", refused.what());
    std::filesystem::remove_all(folder);
    return after == before ? 0 : 1;
  }
  return 1;
}
