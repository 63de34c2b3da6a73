// SPDX-License-Identifier: Apache-2.0
// Pretrains a small GPT in a folder: a schedule, validation, checkpoints, a log and a summary. The run is stopped half way and
// continued, and ends with the bits of one that never was. Files need the CMake target raptr::io.
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include <raptr/backend/cpu.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/raptr.hpp>
#include <raptr/run/training_run.hpp>

namespace {

// The architecture: replace the block, or any part of it, by your own.
using my_block = raptr::block<raptr::gpt2_block, raptr::rms_norm, raptr::swiglu_mlp>;
using my_model = raptr::transformer<my_block, raptr::causal_lm, raptr::cpu>;
constexpr raptr::model_shape shape{.layers = 8, .width = 32, .heads = 2, .vocab = 259, .context = 32};

// Three stages: 4, then 6, then all 8 blocks train.
using growing = raptr::equal_stages<raptr::layer_drop, 4, 6, 8>;
static_assert(raptr::progressive<growing, my_block, shape>);

auto new_trainer() { return raptr::trainer(my_model(shape), growing{}, raptr::adamw{.lr = 3e-3}, raptr::warmup_cosine{.warmup = 6}); }

// [run]
/// Creates the folder, or continues the run in it. Returns the weights after the last step, or after the stop.
std::vector<float> train(const std::filesystem::path& folder, const auto& text, std::int64_t stop_after = -1) {
  const auto parts = raptr::hold_out(text, 0.1);
  auto trainer = new_trainer();
  std::stop_source stop;  // a program would request the stop when it gets a signal
  raptr::training_run run(folder, trainer, parts.training,
                          {.steps = 60,
                           .batch = 4,
                           .validate_every = 20,
                           .validate = [&] { return trainer.evaluate(parts.validation, 4); },
                           .save_every = 20,
                           .stop = stop.get_token()},
                          {.keep = {.last = 2}, .note = [](const std::string& sentence) { std::printf("Note: %s\n", sentence.c_str()); }});
  if (run.steps_done() == 0)
    std::puts(run.plan().text.c_str());
  else
    std::printf("continuing after step %lld\n", static_cast<long long>(run.steps_done()));

  const bool whole = run.train([&](const raptr::step_report& now) {
    if (now.step % 10 == 9 || now.validation_loss) std::puts(now.line().c_str());
    if (now.step + 1 == stop_after) stop.request_stop();
  });
  if (whole) std::printf("%s\n\n", raptr::summary_line(60, run.sums()).c_str());
  return trainer.model().get_weights();
}
// [/run]

}  // namespace

int main() {
  std::string text;
  for (int n = 0; n < 900; ++n) text += std::to_string(n) + (n % 3 ? " green bottles, " : " fizz, ");
  const std::string_view documents[] = {text};
  const raptr::token_stream tokens(raptr::byte_tokenizer{}, documents);  // or files: {"book.txt"}
  const auto runs = std::filesystem::temp_directory_path() / ("raptr-example-" + std::to_string(::getpid()));

  const auto unbroken = train(runs / "unbroken", tokens);
  train(runs / "stopped", tokens, 29);
  const auto resumed = train(runs / "stopped", tokens);
  std::filesystem::remove_all(runs);
  std::printf("the weights of both runs are %s\n", resumed == unbroken ? "equal, bit for bit" : "DIFFERENT");
  return resumed == unbroken ? 0 : 1;
}
