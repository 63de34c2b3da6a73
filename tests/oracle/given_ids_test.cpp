// SPDX-License-Identifier: Apache-2.0
// The vocabularies of GPT-2 and BERT as they were published, and ids that another project stored for them. The files are
// large and not ours: RAPTR_TEST_DATA names the folder that has tokenizers/ and fixtures/; without it these tests are skipped.
#include <doctest/doctest.h>

#include <cstdlib>

#include <raptr/tokenizers/tokenizer_files.hpp>

using namespace raptr;

namespace {

const char* const data_folder = std::getenv("RAPTR_TEST_DATA");
std::filesystem::path given(const char* name) { return std::filesystem::path(data_folder) / name; }

template <class Tokenizer> std::vector<std::int32_t> ids_of(const Tokenizer& tokens, const std::string& text) {
  std::vector<std::int32_t> ids;
  tokens.encode(text, ids);
  return ids;
}

}  // namespace

TEST_CASE("a text has the ids that were stored for the vocabulary of GPT-2" * doctest::skip(data_folder == nullptr)) {
  const bpe_tokenizer tokens = read_bpe(given("tokenizers/gpt2"));
  const json stored = read_json(given("fixtures/gpt2_encoded_tokens.json"));
  const auto text = stored.at("text").get<std::string>();
  const auto ids = stored.at("token_ids").get<std::vector<std::int32_t>>();
  CHECK(ids.size() > 200);
  CHECK(ids_of(tokens, text) == ids);
  CHECK(tokens.decode(ids) == text);
}

TEST_CASE("questions have the ids that were stored for the vocabulary of BERT" * doctest::skip(data_folder == nullptr)) {
  const wordpiece_tokenizer read = read_wordpiece(given("tokenizers/bert-base-uncased"));
  const wordpiece_tokenizer tokens(read.tokens(), {.lower_case = true, .strip_accents = true});
  const auto file = given("fixtures/bert_wordpiece_questions.jsonl");
  const std::string lines = read_file(file);
  int checked = 0;
  for (std::size_t at = 0, end; (end = lines.find('\n', at)) != lines.npos; at = end + 1, ++checked) {
    const json line = parse_json(std::string_view(lines).substr(at, end - at), file, at);
    const auto text = line.at("original").get<std::string>();
    CAPTURE(text);
    CHECK(ids_of(tokens, text) == line.at("ids").get<std::vector<std::int32_t>>());
  }
  CHECK(checked > 400);
}
