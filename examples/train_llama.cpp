// SPDX-License-Identifier: Apache-2.0
// Pretrains a small Llama on words that it learns to split by itself: a BPE with the splitting of Llama 3, grouped queries, rotary positions,
// growing subnetworks. The last checkpoint is a Hugging Face folder with its tokenizer, and is read back as one.
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include <raptr/backend/cpu.hpp>
#include <raptr/checkpoint/hugging_face.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/raptr.hpp>
#include <raptr/run/training_run.hpp>
#include <raptr/tokenizers/bpe_trainer.hpp>
#include <raptr/tokenizers/tokenizer_writer.hpp>

namespace {

using my_model = raptr::transformer<raptr::llama_block, raptr::causal_lm, raptr::cpu>;
// Two query heads share a key and a value. A larger one is raptr::llama_134m.
constexpr raptr::model_shape shape{
    .layers = 8, .width = 32, .heads = 4, .kv_heads = 2, .neurons = 96, .vocab = 300, .context = 32, .rotary_base = 500'000};

// Three stages: 4, then 6, then all 8 blocks train.
using growing = raptr::equal_stages<raptr::layer_drop, 4, 6, 8>;
static_assert(raptr::progressive<growing, raptr::llama_block, shape>);

}  // namespace

int main() {
  std::string text;
  for (int n = 0; n < 2000; ++n) text += std::to_string(n) + (n % 3 ? " green bottles, hanging on the wall.\n" : " fizz!\n");
  const std::string_view documents[] = {text};
  const raptr::bpe_tokenizer tokenizer = raptr::train_bpe(documents, shape.vocab, raptr::bpe_splitting::llama3);
  const raptr::token_stream tokens(tokenizer, documents);  // or files: {"book.txt"}
  const auto parts = raptr::hold_out(tokens, 0.1);
  const auto folder = std::filesystem::temp_directory_path() / ("raptr-llama-" + std::to_string(::getpid()));

  raptr::trainer trainer(my_model(shape), growing{}, raptr::adamw{.lr = 5e-3}, raptr::warmup_cosine{.warmup = 6});
  raptr::training_run run(folder, trainer, parts.training, {.steps = 60, .batch = 4, .save_every = 60},
                          {.tokenizer = raptr::tokenizer_files(tokenizer, {.context = shape.context})});
  std::puts(run.plan().text.c_str());
  run.train([](const raptr::step_report& now) {
    if (now.step % 10 == 9) std::puts(now.line().c_str());
  });
  const double loss = trainer.evaluate(parts.validation, 8);

  // AutoModelForCausalLM and AutoTokenizer of transformers open this folder, as raptr-pretrain --from and raptr-generate do.
  const auto checkpoint = folder / "checkpoints" / raptr::step_name(60);
  my_model again(raptr::hugging_face_shape(checkpoint));
  raptr::load_hugging_face(checkpoint, again);
  const bool same = again.get_weights() == trainer.model().get_weights() && raptr::read_bpe(checkpoint).name() == tokenizer.name();
  std::filesystem::remove_all(folder);
  std::printf("full network: %.3f; guessing: %.3f; the folder has %s\n", loss, std::log(double(shape.vocab)),
              same ? "its weights and its tokenizer" : "ANOTHER model");
  return same && loss < 3 ? 0 : 1;
}
