// SPDX-License-Identifier: Apache-2.0
// raptr-tokenize: learns a byte-level tokenizer from text and writes it in files that other libraries can read, or converts
// text to token shards with an existing tokenizer.
#include <chrono>

#include <raptr/data/documents.hpp>
#include <raptr/data/shard_format.hpp>
#include <raptr/tokenizers/bpe_files.hpp>
#include <raptr/tokenizers/bpe_trainer.hpp>
#include <raptr/tokenizers/tokenizer_writer.hpp>

#include "../support/option_list.hpp"
#include "../support/texts.hpp"
#include "write_shards.hpp"

namespace {

using namespace program;

constexpr std::string_view head =
    "raptr-tokenize learns a byte-level BPE tokenizer from text, or writes text as\n"
    "token shards, on which raptr-pretrain and llm.c can train.\n\n"
    "  raptr-tokenize --train-bpe 8192 --text FILE|DIR ... --out TOKENIZER\n"
    "  raptr-tokenize --tokenizer TOKENIZER --text FILE|DIR ... --out SHARDS\n"
    "  raptr-pretrain --shards SHARDS --tokenizer TOKENIZER --vocab 8192\n";

option_list options_of(settings& s) {
  option_list o;
  o.add("", "text", "FILE|DIR ...", &s.text, "input text; of a folder, the files *.txt");
  o.add("", "documents", "HOW", &s.documents, "how files are split into documents").one_of({"file", "blank-line"});
  o.add("", "out", "DIR", &s.out, "for the files of the tokenizer, or a new folder for the shards");
  o.add("", "train-bpe", "SIZE", &s.train_bpe, "learn a vocabulary of SIZE tokens: 256 bytes, the merges and the end of text")
      .range(raptr::bpe_trainer::least_size, raptr::bpe_trainer::most_size);
  o.add("", "splitting", "NAME", &s.splitting, "of a vocabulary that is learned: where no token crosses").one_of({"gpt2", "llama3"});
  o.add("", "tokenizer", "FILE|DIR", &s.tokenizer, "write shards with it, or with bytes; an id takes 2 bytes, or 4 with more than 65,536 ids");
  o.add("", "shard-tokens", "N", &s.shard_tokens, "per shard; the last one has the rest").range(1, static_cast<double>(raptr::most_shard_tokens));
  o.add("", "validation-share", "X", &s.validation_share, "share of the documents, evenly spread, for shards val_*.bin; 0: none").range(0, 1);
  o.add("", "threads", "N", &s.threads, "for encoding; 0: one per processor that it may use; does not change the output").range(0, 1023);
  return o;
}

void refuse_existing(const std::filesystem::path& folder) {
  for (const char* const name : {"vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"}) {
    std::error_code ignored;
    if (std::filesystem::exists(folder / name, ignored))
      raptr::fail(raptr::shown(folder / name) + " exists already: give another --out, or remove the old tokenizer");
  }
}

int learn_tokenizer(const settings& s) {
  if (s.out.empty()) raptr::fail("--out is missing: give --out DIR, a folder for the tokenizer");
  refuse_existing(s.out);
  using clock = std::chrono::steady_clock;
  const auto begin = clock::now();
  raptr::bpe_trainer trainer(s.splitting == "llama3" ? raptr::bpe_splitting::llama3 : raptr::bpe_splitting::gpt2);
  const auto report = raptr::read_documents(raptr::find_texts(s.text), documents_named(s.documents),
                                            [&](std::string_view document, const std::filesystem::path&) { trainer.add(document); });
  say("text: " + text_report_line(report, counted(trainer.different_words(), "distinct word", "distinct words")));
  const auto tokens = trainer.train(static_cast<int>(s.train_bpe));
  raptr::write_bpe(tokens, s.out);
  raptr::replace_file(s.out / "tokenizer_config.json", raptr::json_text(raptr::tokenizer_config(tokens, {})));
  say("tokenizer: " + raptr::shown(s.out) + ", " + count_text(tokens.size()) + " tokens, " + count_text(std::ssize(tokens.model().merges)) +
      " merges, " + duration_text(std::chrono::duration<double>(clock::now() - begin).count()));
  return done;
}

int start(int count, char** words) {
  settings s;
  option_list options = options_of(s);
  if (helped(count, words, options, head)) return done;
  options.read(count, words);
  if (s.text.empty()) raptr::fail("there is no text: give --text FILE or --text DIR");
  if (!s.tokenizer.empty()) {
    for (const char* const name : {"train-bpe", "splitting"})
      if (options.given(name))
        raptr::fail("--" + std::string(name) + " and --tokenizer are given: learn a tokenizer first, then write shards with it");
    return write_shards(s);
  }
  for (const char* const name : {"shard-tokens", "validation-share", "threads"})
    if (options.given(name))
      raptr::fail("--" + std::string(name) + " is for shards: give --tokenizer FILE|DIR too; without it, a tokenizer is learned");
  return learn_tokenizer(s);
}

}  // namespace

int main(int count, char** words) {
  return program::guarded([&] { return start(count, words); });
}
