// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include <raptr/data/documents.hpp>
#include <raptr/tokenizers/bpe_files.hpp>
#include <raptr/tokenizers/bpe_trainer.hpp>

#include "../support/process.hpp"
#include "../support/text_report.hpp"
#include "../support/tokenizers.hpp"
#include "settings.hpp"

namespace program {

namespace {

void refuse_existing(const std::filesystem::path& folder) {
  for (const char* const name : {"vocab.json", "merges.txt", "tokenizer.json"}) {
    std::error_code ignored;
    if (std::filesystem::exists(folder / name, ignored))
      raptr::fail(raptr::shown(folder / name) + " exists already: give another --out, or remove the old tokenizer");
  }
}

}  // namespace

int learn_tokenizer(const settings& s) {
  if (s.out.empty()) raptr::fail("--out is missing: give --out DIR, a folder for the tokenizer");
  refuse_existing(s.out);
  using clock = std::chrono::steady_clock;
  const auto begin = clock::now();
  raptr::bpe_trainer trainer;
  const auto report = raptr::read_documents(raptr::find_texts(s.text), documents_named(s.documents),
                                            [&](std::string_view document, const std::filesystem::path&) { trainer.add(document); });
  say("text: " + text_report_line(report, counted(trainer.different_words(), "distinct word", "distinct words")));
  const auto tokens = trainer.train(static_cast<int>(s.train_bpe));
  raptr::write_bpe(tokens, s.out);
  say("tokenizer: " + raptr::shown(s.out) + ", " + count_text(tokens.size()) + " tokens, " + count_text(std::ssize(tokens.model().merges)) +
      " merges, " + duration_text(std::chrono::duration<double>(clock::now() - begin).count()));
  return done;
}

}  // namespace program
