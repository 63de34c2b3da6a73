// SPDX-License-Identifier: Apache-2.0
// The training tokens of a run, from a text or from shards, and its validation tokens: a held-out part or a separate text.
#pragma once

#include <optional>

#include <raptr/data/any_tokens.hpp>

#include "../support/tokenizers.hpp"
#include "network_trainer.hpp"
#include "shards.hpp"

namespace program {

namespace errors {
[[noreturn]] inline void text_and_shards(const char* what) {
  raptr::fail("--" + std::string(what) + "text and --" + std::string(what) + "shards are given: a run takes one of them");
}
[[noreturn]] inline void text_without_tokenizer() { raptr::fail("--tokenizer none is for shards only: a text needs a tokenizer"); }
[[noreturn]] inline void option_without_use(const char* option, const char* needs) {
  raptr::fail("--" + std::string(option) + " is given without " + needs + ": leave it out");
}
}  // namespace errors

class corpus {
 public:
  static constexpr double held_out_share = 0.05;

  explicit corpus(const settings& s) : corpus(s, tokenizer_of(s)) {}
  corpus(const corpus&) = delete;
  corpus& operator=(const corpus&) = delete;

  /// Holds out the end of the text if both parts fill a window; a separate validation text must fill one.
  void divide(const network_trainer& network) {
    const auto& all = training_part_.tokens;
    training_.emplace(all, 0, all.size());
    if (validation_part_) {
      validation_.emplace(validation_part_->tokens, 0, validation_part_->tokens.size());
      (void)network.sample(*validation_);  // throws if it is too short
    } else if (double(all.size()) * held_out_share >= 1) {
      const auto parts = raptr::hold_out(all, held_out_share);
      if (network.fills_a_window(parts.training.size()) && network.fills_a_window(parts.validation.size()))
        training_ = parts.training, validation_ = parts.validation;
    }
  }
  const tokens& training() const { return *training_; }
  const tokens* validation() const { return validation_ ? &*validation_ : nullptr; }

  raptr::vocabulary vocabulary() const { return training_part_.tokens.vocabulary(); }

  /// One line about the tokens read.
  std::string line() const {
    std::string text = training_part_.line;
    if (validation_part_)
      text += "; validation " + validation_part_->line;
    else if (validation_)
      text += "; the last " + count_text(validation_->size()) + " tokens are held out for validation";
    else
      text += "; too short to hold out a part, so there is no validation";
    return text;
  }
  /// Reads every token once. Throws file_error for shards with an id beyond the vocabulary or a hash that differs from their
  /// shards.json.
  raptr::json hashes() const {
    raptr::json all = {{training_part_.option, training_part_.hash()}};
    if (validation_part_) all["validation-" + validation_part_->option] = validation_part_->hash();
    return all;
  }

 private:
  struct part {
    std::string option;  // "text" or "shards"
    raptr::any_tokens tokens;
    std::string line;
    std::filesystem::path index{};
    std::string expected_hash{};

    std::string hash() const {
      const auto found = raptr::token_hash_text(raptr::token_hash(tokens));
      if (!expected_hash.empty() && found != expected_hash) raptr::errors::shards_differ_from_index(index, "hash", expected_hash, found);
      return found;
    }
  };
  using optional_tokenizer = std::optional<raptr::any_tokenizer>;  // nullopt: only the ids of shards are known

  corpus(const settings& s, const optional_tokenizer& tokenizer)
      : training_part_(part_of(s, tokenizer, s.text, s.shards, raptr::shard_part::training)) {
    path_list shards = s.validation_shards;
    if (s.validation_text.empty() && shards.empty()) std::ranges::copy_if(s.shards, std::back_inserter(shards), raptr::holds_validation_shards);
    if (!s.validation_text.empty() || !shards.empty())
      validation_part_ = part_of(s, tokenizer, s.validation_text, shards, raptr::shard_part::validation);
  }

  /// Checks the options and the size of the embedding before any text is read.
  static optional_tokenizer tokenizer_of(const settings& s) {
    if (!s.text.empty() && !s.shards.empty()) errors::text_and_shards("");
    if (!s.validation_text.empty() && !s.validation_shards.empty()) errors::text_and_shards("validation-");
    const bool reads_text = !s.text.empty() || !s.validation_text.empty(), reads_shards = !s.shards.empty() || !s.validation_shards.empty();
    if (!reads_text && s.documents != "file") errors::option_without_use("documents", "--text");
    if (!reads_shards && s.shard_format != "llm.c") errors::option_without_use("shard-format", "--shards");
    if (s.tokenizer == "none") {
      if (reads_text) errors::text_without_tokenizer();
      return std::nullopt;
    }
    auto tokenizer = tokenizer_named(s.tokenizer);
    expect_room(s, vocabulary_of(tokenizer).size);
    return tokenizer;
  }
  static void expect_room(const settings& s, int ids) {
    if (ids > s.vocab) raptr::errors::tokenizer_is_larger_than_the_vocabulary(ids, int(s.vocab));
  }
  static part part_of(const settings& s, const optional_tokenizer& tokenizer, const path_list& text, const path_list& shards,
                      raptr::shard_part which) {
    if (shards.empty()) {
      auto stream = std::visit([&](const auto& t) { return raptr::token_stream(t, text, documents_named(s.documents)); }, *tokenizer);
      auto line = "text: " + text_report_line(stream.report(), counted(stream.size(), "token", "tokens"));
      return {"text", raptr::any_tokens(std::move(stream)), std::move(line)};
    }
    const auto named = tokenizer
                           ? shard_tokenizer{std::visit([](const auto& t) -> std::string { return t.name(); }, *tokenizer), vocabulary_of(*tokenizer)}
                           : tokenizer_of_shards(shards).value_or(shard_tokenizer{"", {.size = int(s.vocab)}});
    expect_room(s, named.ids.size);
    auto opened = open_shards(s, shards, which, named);
    return {"shards", raptr::any_tokens(std::move(opened.tokens)), "shards: " + opened.line, std::move(opened.index), std::move(opened.hash)};
  }

  part training_part_;
  std::optional<part> validation_part_;
  std::optional<tokens> training_, validation_;
};

}  // namespace program
