// SPDX-License-Identifier: Apache-2.0
// Pretrains a small decoder on a mixture of denoisers, with growing subnetworks and in full, and prints the loss of each denoiser. The
// tokenizer gets the marks that denoisers need, so the checkpoints have them. Files need the CMake target raptr::io.
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include <raptr/backend/cpu.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/raptr.hpp>
#include <raptr/run/training_run.hpp>
#include <raptr/tokenizers/denoiser_tokens.hpp>

namespace {

using my_model = raptr::transformer<raptr::gpt2_block, raptr::ul2, raptr::cpu>;

// Causal modelling, prefix and spans, as the default mixture; the mode tokens [NLU], [NLG] and [S2S] tell the model which is asked for.
const raptr::ul2 objective = raptr::read_ul2("0.6/0.2/0.2, modes");

/// Returns the losses on the validation text after the last step.
raptr::mean_loss train(const std::filesystem::path& folder, const raptr::token_stream& text, const raptr::any_tokenizer& tokenizer,
                       const char* schedule) {
  const auto parts = raptr::hold_out(text, 0.1);
  my_model model({.layers = 6, .width = 32, .heads = 2, .vocab = text.vocabulary().size, .context = 64}, {}, objective);
  raptr::trainer trainer(std::move(model), raptr::any_schedule(schedule), raptr::adamw{.lr = 3e-3}, raptr::warmup_cosine{.warmup = 6});
  raptr::training_run run(folder, trainer, parts.training,
                          {.steps = 60, .batch = 8, .validate_every = 20, .validate = [&] { return trainer.evaluate(parts.validation, 8); }},
                          {.tokenizer = raptr::tokenizer_files(tokenizer, {.context = 64})});
  run.train([](const raptr::step_report& now) {
    if (now.validation_loss) std::puts(now.line().c_str());
  });
  return trainer.evaluate(parts.validation, 8);
}

}  // namespace

int main() {
  std::string words;
  for (int n = 0; n < 1800; ++n) words += std::to_string(n) + (n % 3 ? " green bottles, " : " fizz, ");
  const std::string_view documents[] = {words};
  const raptr::any_tokenizer tokenizer = raptr::with_denoiser_tokens(raptr::byte_tokenizer{}, {.sentinels = 16, .modes = true});
  const auto text = std::visit([&](const auto& t) { return raptr::token_stream(t, documents); }, tokenizer);

  const auto folder = std::filesystem::temp_directory_path() / ("raptr-example-" + std::to_string(::getpid()));
  const raptr::mean_loss full = train(folder / "full", text, tokenizer, "full");
  const raptr::mean_loss growing = train(folder / "growing", text, tokenizer, "3-4-5-6");
  std::filesystem::remove_all(folder);
  bool learnt = true;
  for (std::size_t k = 0; k < full.groups.size(); ++k) {
    std::printf("%-14s full %.3f, growing %.3f\n", full.groups[k].name.c_str(), full.groups[k].loss, growing.groups[k].loss);
    learnt = learnt && full.groups[k].loss < 4.5 && growing.groups[k].loss < 4.5;
  }
  return learnt && full.groups.size() == 4 ? 0 : 1;
}
