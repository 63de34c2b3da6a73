// SPDX-License-Identifier: Apache-2.0
// Save, load, resume: the resumed run ends with the weights of the uninterrupted run, bit for bit. Checkpoints need the CMake
// target raptr::io.
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include <raptr/backend/cpu.hpp>
#include <raptr/checkpoint/checkpoint.hpp>
#include <raptr/checkpoint/retention.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/raptr.hpp>
#include <raptr/tokenizers/byte.hpp>

namespace {

auto new_trainer() {
  raptr::transformer<raptr::gpt2_block, raptr::causal_lm, raptr::cpu> model({.layers = 4, .width = 32, .heads = 2, .vocab = 259, .context = 32});
  return raptr::trainer(std::move(model), raptr::any_schedule("2-4"), raptr::adamw{.lr = 1e-3}, raptr::warmup_linear{.warmup = 4});
}

struct temporary_folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("raptr-example-" + std::to_string(::getpid()));
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

}  // namespace

int main() {
  std::string text;
  for (int n = 0; n < 400; ++n) text += std::to_string(n) + " green bottles; ";
  const std::string_view documents[] = {text};
  const raptr::token_stream tokens(raptr::byte_tokenizer{}, documents);
  const temporary_folder run;
  raptr::make_folders(run.path);

  auto unbroken = new_trainer();
  raptr::run_options options{.steps = 20, .batch = 2, .save_every = 10};
  options.save = [&] { raptr::save_checkpoint(run.path / raptr::step_name(unbroken.done().step), unbroken, tokens.vocabulary()); };
  unbroken.run(tokens, options);

  // A new process would start here. `steps` is the length of the whole run: schedule and learning rate depend on it.
  auto resumed = new_trainer();
  raptr::load_checkpoint(run.path / raptr::step_name(10), resumed);
  std::printf("loaded after step %lld\n", static_cast<long long>(resumed.done().step));
  resumed.run(tokens, {.steps = 20, .batch = 2}, [](const raptr::step_report& now) { std::puts(now.line().c_str()); });

  const bool same = resumed.model().get_weights() == unbroken.model().get_weights();
  std::printf("the weights of both runs are %s\n", same ? "equal, bit for bit" : "DIFFERENT");

  // A damaged checkpoint is never loaded; the reason names the file and the byte.
  const std::filesystem::path weights = run.path / raptr::step_name(20) / "model.safetensors";
  if (std::FILE* const file = std::fopen(weights.c_str(), "r+b")) {
    std::fseek(file, -1, SEEK_END), std::fputc(0x55, file), std::fclose(file);
  }
  const auto newest = raptr::newest_good(run.path, [](const raptr::step_folder& skipped, const std::string& why) {
    std::printf("skipped step %lld: %s\n", static_cast<long long>(skipped.step), why.c_str());
  });
  return same && newest && newest->step == 10 ? 0 : 1;
}
