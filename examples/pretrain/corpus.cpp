// SPDX-License-Identifier: Apache-2.0
#include "corpus.hpp"

#include <raptr/data/shard_files.hpp>
#include <raptr/data/shard_index.hpp>
#include <raptr/data/sharded_tokens.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/nn/objectives/ul2_text.hpp>
#include <raptr/tokenizers/denoiser_tokens.hpp>

#include "../support/process.hpp"
#include "../support/texts.hpp"

namespace program {

namespace errors {
[[noreturn]] static void text_and_shards(const char* what) {
  raptr::fail("--" + std::string(what) + "text and --" + std::string(what) + "shards are given: a run takes one of them");
}
[[noreturn]] static void tokenizer_differs(const std::string& given, const std::string& now, const std::string& before) {
  raptr::fail("the tokenizer " + raptr::shown(given) + " is not the one that the run was started with (" + now + " instead of " + before +
              "): restore the old one, or give its new place as --tokenizer, or start a new run with --out");
}
[[noreturn]] static void tokenizer_has_more_ids(int ids, std::int64_t rows, bool from_folder) {
  raptr::fail("the tokenizer has " + std::to_string(ids) + " ids, but the embedding has " + std::to_string(rows) + " rows: give --vocab " +
              std::to_string(ids) + " or more" + (from_folder ? ", of which those that --from lacks are drawn from --seed" : ""));
}
[[noreturn]] static void text_without_tokenizer() { raptr::fail("--tokenizer none is for shards only: a text needs a tokenizer"); }
[[noreturn]] static void option_without_use(const char* option, const char* needs) {
  raptr::fail("--" + std::string(option) + " is given without " + needs + ": leave it out");
}
[[noreturn]] static void shards_of_another_tokenizer(const std::filesystem::path& index, const raptr::shard_index& made, const std::string& given) {
  raptr::fail(raptr::shown(index) + ": the shards were made with the tokenizer " + raptr::shown(made.tokenizer) + ", and --tokenizer is " +
              raptr::shown(given) + ": give --tokenizer " + shell_word(made.tokenizer_from.native()));
}
[[noreturn]] static void shards_end_documents_otherwise(const std::filesystem::path& index, int in_shards, const std::string& given, int here) {
  const auto id = [](int end) { return end < 0 ? std::string("no id") : "the id " + std::to_string(end); };
  raptr::fail(raptr::shown(index) + ": the shards end documents by " + id(in_shards) + ", and the tokenizer " + raptr::shown(given) + " by " +
              id(here) + ": give the tokenizer folder that they were made with, or write them again");
}
[[noreturn]] static void no_words(const std::string& tokenizer) {
  raptr::fail("--masking whole-words hides the tokens of a word together, which only a WordPiece tokenizer (vocab.txt) tells, and --tokenizer is " +
              raptr::shown(tokenizer) + ": give such a tokenizer, or --masking bert");
}
[[noreturn]] static void shards_of_two_tokenizers(const std::filesystem::path& index, const std::string& one, const std::string& other) {
  raptr::fail(raptr::shown(index) + ": the shards were made with the tokenizer " + raptr::shown(one) + ", others with " + raptr::shown(other) +
              ": train on those of one tokenizer");
}
}  // namespace errors

namespace {

/// Shards as a token source, a line about them, and their expected hash if it is known.
struct opened_shards {
  raptr::sharded_tokens tokens;
  std::string line;
  std::filesystem::path index;
  std::string hash;
};

/// The tokenizer whose ids the shards hold.
struct shard_tokenizer {
  std::string name;  // empty: not known
  raptr::vocabulary ids;
  std::string without_denoiser_tokens{};  // its name before they were appended
};

struct found_index {
  std::filesystem::path file;
  raptr::shard_index says;
};
/// The shards.json files beside the named paths, each once.
std::vector<found_index> indices_of(const path_list& named) {
  std::vector<found_index> found;
  std::error_code ignored;
  for (const auto& path : named) {
    const auto folder = std::filesystem::is_directory(path, ignored) ? path : raptr::folder_of(path);
    const auto index = folder / raptr::shard_index_name;
    if (std::filesystem::exists(index, ignored) && std::ranges::find(found, index, &found_index::file) == found.end())
      found.push_back({index, raptr::read_shard_index(index)});
  }
  return found;
}

/// The tokenizer according to the shards.json files beside the shards; nullopt if there are none.
std::optional<shard_tokenizer> tokenizer_of_shards(const path_list& named) {
  std::optional<shard_tokenizer> found;
  for (const auto& [index, says] : indices_of(named)) {
    if (found && found->name != says.tokenizer) errors::shards_of_two_tokenizers(index, says.tokenizer, found->name);
    found = {says.tokenizer, says.vocabulary};
  }
  return found;
}

/// tokenizer: the one whose ids they must hold.
opened_shards open_shards(const settings& s, const path_list& named, raptr::shard_part part, const shard_tokenizer& tokenizer) {
  const auto indices = indices_of(named);
  for (const auto& [index, says] : indices)
    if (!tokenizer.name.empty() && says.tokenizer != tokenizer.name && says.tokenizer != tokenizer.without_denoiser_tokens)
      errors::shards_of_another_tokenizer(index, says, tokenizer.name);
    else if (says.vocabulary.end_of_text != tokenizer.ids.end_of_text)
      errors::shards_end_documents_otherwise(index, says.vocabulary.end_of_text, s.tokenizer, tokenizer.ids.end_of_text);
  const auto files = raptr::find_shards(named, part);
  opened_shards opened{
      {files.files, tokenizer.ids, s.shard_format == "nanogpt" ? raptr::shard_format::nanogpt : raptr::shard_format::llm_c}, {}, {}, {}};
  const auto& source = opened.tokens;
  opened.line = counted(source.shards(), "file", "files") + ", " + counted(source.size(), "token", "tokens");
  if (source.empty_files()) opened.line += ", " + counted(source.empty_files(), "file without a token", "files without a token");
  if (!files.skipped.empty())
    opened.line += ", " + counted(std::ssize(files.skipped), "folder entry skipped", "folder entries skipped") + " (" +
                   raptr::shown(files.skipped.front().filename()) + ")";
  // If one folder is named, its shards.json has the expected counts and hash.
  if (std::error_code ignored; named.size() == 1 && std::filesystem::is_directory(named.front(), ignored) && !indices.empty()) {
    const auto& [index, says] = indices.front();
    const auto& expected = part == raptr::shard_part::training || !says.validation ? says.training : *says.validation;
    opened.index = index;
    opened.hash = expected.hash;
    const auto differ = [&](const char* what, std::int64_t should, std::int64_t is) {
      if (should != is) raptr::errors::shards_differ_from_index(opened.index, what, std::to_string(should), std::to_string(is));
    };
    differ("number of shards", expected.shards, source.shards());
    differ("number of tokens", expected.tokens, source.size());
  }
  return opened;
}

}  // namespace

static void expect_room(const settings& s, int ids) {
  if (ids > s.vocab) errors::tokenizer_has_more_ids(ids, s.vocab, !s.from.empty());
}

static void expect_tokenizer(const settings& s, const std::string& expected, const std::string& now) {
  if (!expected.empty() && now != expected) errors::tokenizer_differs(s.tokenizer, now, expected);
}

static raptr::tokenizer_use use_of(const settings& s, const raptr::vocabulary& ids) {
  const bool masked = s.objective == "masked_lm";
  return {.context = int(s.context), .framed = masked && s.frame != "none" && ids.has_frame(), .types = masked};
}

corpus::corpus(const settings& s, const optional_tokenizer& tokenizer, const std::string& expected)
    : training_part_(part_of(s, tokenizer, s.text, s.shards, false)) {
  expect_tokenizer(s, expected, training_part_.tokenizer);
  if (tokenizer) tokenizer_files_ = raptr::tokenizer_files(*tokenizer, use_of(s, vocabulary_of(*tokenizer)));
  if (s.masking == "whole-words") {
    const auto* words = tokenizer ? std::get_if<raptr::wordpiece_tokenizer>(&*tokenizer) : nullptr;
    if (!words) errors::no_words(s.tokenizer);
    inside_word_ = words->inside_word();
  }
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
    const auto fills = [&](const auto& tokens) { return network.fills_a_window(tokens.size(), tokens.vocabulary()); };
    if (fills(parts.training) && fills(parts.validation))
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
raptr::json corpus::hashes(const std::stop_token& stop) const {
  raptr::json all = {{"tokenizer", training_part_.tokenizer}, {training_part_.option, training_part_.hash(stop)}};
  if (validation_part_) all["validation-" + validation_part_->option] = validation_part_->hash(stop);
  return all;
}

std::string corpus::part::hash(const std::stop_token& stop) const {
  const auto found = raptr::token_hash_text(raptr::token_hash(tokens, stop));
  if (!expected_hash.empty() && found != expected_hash) raptr::errors::shards_differ_from_index(index, "hash", expected_hash, found);
  return found;
}
corpus::optional_tokenizer corpus::tokenizer_of(const settings& s, const std::string& expected, std::optional<raptr::any_tokenizer> read) {
  if (!s.text.empty() && !s.shards.empty()) errors::text_and_shards("");
  if (!s.validation_text.empty() && !s.validation_shards.empty()) errors::text_and_shards("validation-");
  const bool reads_text = !s.text.empty() || !s.validation_text.empty(), reads_shards = !s.shards.empty() || !s.validation_shards.empty();
  if (!reads_text && s.documents != "file") errors::option_without_use("documents", "--text");
  if (!reads_shards && s.shard_format != "llm.c") errors::option_without_use("shard-format", "--shards");
  if (s.tokenizer == "none") {
    if (reads_text) errors::text_without_tokenizer();
    return std::nullopt;
  }
  auto tokenizer = read ? *std::move(read) : tokenizer_named(s.tokenizer);
  if (s.objective_name() == "ul2") {
    const bool has_sentinels = vocabulary_of(tokenizer).sentinels() > 0;
    tokenizer = raptr::with_denoiser_tokens(
        std::move(tokenizer), {.sentinels = has_sentinels ? 0 : int(s.sentinels), .modes = raptr::read_ul2(s.objective_text()).has_mode_tokens()});
  }
  expect_tokenizer(s, expected, tokenizer_text(tokenizer));
  expect_room(s, vocabulary_of(tokenizer).size);
  return tokenizer;
}
corpus::part corpus::part_of(const settings& s, const optional_tokenizer& tokenizer, const path_list& text, const path_list& shards,
                             bool validation) {
  if (shards.empty()) {
    auto stream = std::visit([&](const auto& t) { return raptr::token_stream(t, text, documents_named(s.documents)); }, *tokenizer);
    auto line = "text: " + text_report_line(stream.report(), counted(stream.size(), "token", "tokens")) +
                tokens_report(stream.vocabulary(), stream.report().documents, stream.size(), stream.unknown());
    return {.option = "text", .tokens = raptr::any_tokens(std::move(stream)), .line = std::move(line), .tokenizer = tokenizer_text(*tokenizer)};
  }
  const auto named = tokenizer ? shard_tokenizer{name_of(*tokenizer), vocabulary_of(*tokenizer), name_of(raptr::without_denoiser_tokens(*tokenizer))}
                               : tokenizer_of_shards(shards).value_or(shard_tokenizer{"", {.size = int(s.vocab)}});
  expect_room(s, named.ids.size);
  auto opened = open_shards(s, shards, validation ? raptr::shard_part::validation : raptr::shard_part::training, named);
  return {.option = "shards",
          .tokens = raptr::any_tokens(std::move(opened.tokens)),
          .line = "shards: " + opened.line,
          .index = std::move(opened.index),
          .expected_hash = std::move(opened.hash),
          .tokenizer = tokenizer_text(named.name, named.ids)};
}

}  // namespace program
