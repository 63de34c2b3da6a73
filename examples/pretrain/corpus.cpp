// SPDX-License-Identifier: Apache-2.0
#include "corpus.hpp"

#include <raptr/data/token_stream.hpp>

#include "../support/tokenizers.hpp"
#include "shards.hpp"

namespace program {

namespace errors {
[[noreturn]] static void text_and_shards(const char* what) {
  raptr::fail("--" + std::string(what) + "text and --" + std::string(what) + "shards are given: a run takes one of them");
}
[[noreturn]] static void text_without_tokenizer() { raptr::fail("--tokenizer none is for shards only: a text needs a tokenizer"); }
[[noreturn]] static void option_without_use(const char* option, const char* needs) {
  raptr::fail("--" + std::string(option) + " is given without " + needs + ": leave it out");
}
}  // namespace errors

static void expect_room(const settings& s, int ids) {
  if (ids > s.vocab) raptr::errors::tokenizer_is_larger_than_the_vocabulary(ids, int(s.vocab));
}

corpus::corpus(const settings& s, const optional_tokenizer& tokenizer) : training_part_(part_of(s, tokenizer, s.text, s.shards, false)) {
  path_list shards = s.validation_shards;
  if (s.validation_text.empty() && shards.empty()) std::ranges::copy_if(s.shards, std::back_inserter(shards), raptr::holds_validation_shards);
  if (!s.validation_text.empty() || !shards.empty()) validation_part_ = part_of(s, tokenizer, s.validation_text, shards, true);
}

void corpus::divide(const raptr::any_trainer& network) {
  const auto& all = training_part_.tokens;
  if (validation_part_) {
    (void)network.sample(validation_part_->tokens);  // throws if it is too short
  } else if (double(all.size()) * held_out_share >= 1) {
    const auto parts = raptr::hold_out(all, held_out_share);
    if (network.fills_a_window(parts.training.size()) && network.fills_a_window(parts.validation.size()))
      held_out_ = {std::make_unique<raptr::any_tokens>(parts.training), std::make_unique<raptr::any_tokens>(parts.validation)};
  }
}
std::string corpus::line() const {
  std::string text = training_part_.line;
  if (validation_part_)
    text += "; validation " + validation_part_->line;
  else if (validation())
    text += "; the last " + count_text(validation()->size()) + " tokens are held out for validation";
  else
    text += "; too short to hold out a part, so there is no validation";
  return text;
}
raptr::json corpus::hashes() const {
  raptr::json all = {{training_part_.option, training_part_.hash()}};
  if (validation_part_) all["validation-" + validation_part_->option] = validation_part_->hash();
  return all;
}

std::string corpus::part::hash() const {
  const auto found = raptr::token_hash_text(raptr::token_hash(tokens));
  if (!expected_hash.empty() && found != expected_hash) raptr::errors::shards_differ_from_index(index, "hash", expected_hash, found);
  return found;
}
corpus::optional_tokenizer corpus::tokenizer_of(const settings& s) {
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
corpus::part corpus::part_of(const settings& s, const optional_tokenizer& tokenizer, const path_list& text, const path_list& shards,
                             bool validation) {
  if (shards.empty()) {
    auto stream = std::visit([&](const auto& t) { return raptr::token_stream(t, text, documents_named(s.documents)); }, *tokenizer);
    auto line = "text: " + text_report_line(stream.report(), counted(stream.size(), "token", "tokens"));
    return {"text", raptr::any_tokens(std::move(stream)), std::move(line)};
  }
  const auto named = tokenizer
                         ? shard_tokenizer{std::visit([](const auto& t) -> std::string { return t.name(); }, *tokenizer), vocabulary_of(*tokenizer)}
                         : tokenizer_of_shards(shards).value_or(shard_tokenizer{"", {.size = int(s.vocab)}});
  expect_room(s, named.ids.size);
  auto opened = open_shards(s, shards, validation ? raptr::shard_part::validation : raptr::shard_part::training, named);
  return {"shards", raptr::any_tokens(std::move(opened.tokens)), "shards: " + opened.line, std::move(opened.index), std::move(opened.hash)};
}

}  // namespace program
