// SPDX-License-Identifier: Apache-2.0
// raptr-tokenize: learns a byte-level tokenizer from text and writes it as files that other libraries read too.
#include <chrono>

#include <raptr/text/bpe_files.hpp>
#include <raptr/text/bpe_trainer.hpp>
#include <raptr/text/documents.hpp>

#include "../support/help.hpp"
#include "../support/numbers.hpp"
#include "../support/text_report.hpp"

namespace {

using namespace program;

constexpr std::string_view head =
    "raptr-tokenize learns a byte-level BPE tokenizer from text.\n\n"
    "  raptr-tokenize --train-bpe 8192 --text FILE|DIR ... --out TOKENIZER\n"
    "  raptr-pretrain --text FILE|DIR ... --tokenizer TOKENIZER --vocab 8192\n";

struct settings {
  std::int64_t train_bpe = 8192;
  path_list text;
  std::string documents = "file";
  std::filesystem::path out;
};

option_list options_of(settings& s) {
  option_list o;
  o.add("", "train-bpe", "SIZE", &s.train_bpe, "tokens of the vocabulary: 256 bytes, the merges and the end of text")
      .range(raptr::bpe_trainer::least_size, raptr::bpe_trainer::most_size);
  o.add("", "text", "FILE|DIR ...", &s.text, "what to learn from; of a folder the files *.txt");
  o.add("", "documents", "HOW", &s.documents, "what a document is").one_of({"file", "blank-line"});
  o.add("", "out", "DIR", &s.out, "for vocab.json, merges.txt and tokenizer.json, none of which may exist there");
  return o;
}

void refuse_existing(const std::filesystem::path& folder) {
  for (const char* const name : {"vocab.json", "merges.txt", "tokenizer.json"}) {
    std::error_code ignored;
    if (std::filesystem::exists(folder / name, ignored))
      raptr::fail(raptr::shown(folder / name) + " exists already: give another --out, or remove the old tokenizer");
  }
}

int start(int count, char** words) {
  settings s;
  option_list options = options_of(s);
  if (helped(count, words, options, head)) return done;
  options.read(count, words);
  if (s.text.empty()) raptr::fail("there is no text: give --text FILE or --text DIR");
  if (s.out.empty()) raptr::fail("there is no place for the tokenizer: give --out DIR");
  refuse_existing(s.out);

  using clock = std::chrono::steady_clock;
  const auto begin = clock::now();
  raptr::bpe_trainer trainer;
  const auto split = s.documents == "file" ? raptr::documents::whole_file : raptr::documents::blank_line;
  const auto report = raptr::read_documents(raptr::find_texts(s.text), split,
                                            [&](std::string_view document, const std::filesystem::path&) { trainer.add(document); });
  say("text: " + text_report_line(report, counted(trainer.different_words(), "different word", "different words")));
  const auto tokens = trainer.train(static_cast<int>(s.train_bpe));
  raptr::write_bpe(tokens, s.out);
  say("tokenizer: " + raptr::shown(s.out) + ", " + count_text(tokens.size()) + " tokens, " + count_text(std::ssize(tokens.model().merges)) +
      " merges, " + duration_text(std::chrono::duration<double>(clock::now() - begin).count()));
  return done;
}

}  // namespace

int main(int count, char** words) {
  return program::guarded([&] { return start(count, words); });
}
