// SPDX-License-Identifier: Apache-2.0
// raptr-generate: continues a text with a model that raptr-pretrain has trained. The text goes to the standard output as
// bytes, everything else to the standard error.
#include <raptr/run/run_files.hpp>

#include "../support/help.hpp"
#include "sampler.hpp"
#include "writer.hpp"

namespace {

using namespace program;

constexpr std::string_view head =
    "raptr-generate continues a text with a trained causal_lm.\n\n"
    "  raptr-generate --run RUN --prompt 'In the beginning'\n"
    "  raptr-generate --checkpoint RUN/checkpoints/step-001000 --temperature 0\n";

struct settings {
  std::filesystem::path checkpoint, run, prompt_file;
  std::string prompt, tokenizer;
  std::int64_t tokens = 200, top_k = 0, seed = 1, threads = 0;
  double temperature = 0.8, top_p = 1;
};

option_list options_of(settings& s) {
  option_list o;
  o.add("", "run", "RUN", &s.run, "folder of a run, for its newest good checkpoint");
  o.add("", "checkpoint", "FOLDER", &s.checkpoint, "or one checkpoint");
  o.add("", "tokenizer", "FILE|DIR", &s.tokenizer, "or bytes [that of the run]");
  o.add("", "prompt", "TEXT", &s.prompt, "what to continue [a new document]");
  o.add("", "prompt-file", "FILE", &s.prompt_file, "or the contents of a file");
  o.add("", "tokens", "N", &s.tokens, "to add, unless the document ends first").range(0, 1e9);
  o.add("", "temperature", "T", &s.temperature, "0: always the most probable token").range(0, 1e6);
  o.add("", "top-k", "N", &s.top_k, "sample from the N most probable tokens; 0: all").range(0, 1e9);
  o.add("", "top-p", "P", &s.top_p, "sample from the fewest tokens with total probability P").range(0, 1);
  o.add("", "seed", "N", &s.seed, "different seeds give different texts").range(0, 9'007'199'254'740'992);
  o.add("", "threads", "N", &s.threads, "0: one per processor").range(0, 1023);
  return o;
}

void note(const std::string& sentence) { std::fprintf(stderr, "raptr: note: %s\n", one_line(sentence).c_str()); }

std::filesystem::path checkpoint_of(const settings& s) {
  if (s.run.empty() == s.checkpoint.empty()) raptr::fail("give --run RUN or --checkpoint FOLDER, one of them");
  if (!s.checkpoint.empty()) return s.checkpoint;
  const run_files files{s.run};
  std::error_code ignored;
  if (!std::filesystem::exists(files.config(), ignored))
    raptr::fail<raptr::file_error>(raptr::shown(s.run) + " is not the folder of a run: it has no config.json");
  if (const auto newest = files.newest(note)) return newest->path;
  raptr::fail<raptr::file_error>(raptr::shown(s.run) + " has no complete checkpoint yet: continue it with raptr-pretrain --resume " +
                                 raptr::shown(s.run));
}

int start(int count, char** words) {
  settings s;
  option_list options = options_of(s);
  if (helped(count, words, options, head)) return done;
  options.read(count, words);
  if (options.given("prompt") && options.given("prompt-file")) raptr::fail("give --prompt TEXT or --prompt-file FILE, not both");
  const auto model = make_writer(checkpoint_of(s), s.tokenizer, static_cast<int>(s.threads));
  const std::string prompt = s.prompt_file.empty() ? s.prompt : raptr::read_file(s.prompt_file);
  if (const auto size = model->begin(prompt); size > model->context())
    note("the prompt has " + std::to_string(size) + " tokens and the context of the model " + std::to_string(model->context()) + ": only the last " +
         std::to_string(model->context()) + " are used");
  std::fwrite(prompt.data(), 1, prompt.size(), stdout);
  const sampler draw(s.temperature, s.top_k, s.top_p, static_cast<std::uint64_t>(s.seed));
  std::int64_t n = 0;
  for (; n < s.tokens && std::fflush(stdout) == 0; ++n) {
    const auto text = model->next([&](std::span<const float> logits) { return draw(logits, n); });
    if (!text) break;
    std::fwrite(text->data(), 1, text->size(), stdout);
  }
  std::fputc('\n', stdout);
  std::fflush(stdout);
  if (n < s.tokens && !std::ferror(stdout)) note("the document ends after " + std::to_string(n) + " of " + std::to_string(s.tokens) + " tokens");
  return done;
}

}  // namespace

int main(int count, char** words) {
  return program::guarded([&] { return start(count, words); });
}
