// SPDX-License-Identifier: Apache-2.0
// Ids beside those of the `tokenizers` package, stored by tests/oracle/tokenizer_ids.py.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include <raptr/tokenizers/wordpiece_files.hpp>

#include "scratch_folder.hpp"
#include "tokenizer_fixtures.hpp"

using fixtures::encoded;
using raptr::wordpiece_tokenizer;
using id_list = std::vector<std::int32_t>;

namespace {

std::string words_of(std::string_view text, raptr::bert_splitting how) {
  std::string words;
  raptr::split_bert(text, how, [&](std::string_view word) { words += std::string(word) + "|"; });
  return words;
}
constexpr raptr::bert_splitting uncased{}, cased{.lower_case = false, .strip_accents = false};

}  // namespace

TEST_CASE("hard texts have the WordPiece ids of the tokenizers package, uncased and cased") {
  const auto read = raptr::read_wordpiece(fixtures::folder() / "wordpiece");
  for (const bool lower : {true, false}) {
    const wordpiece_tokenizer tokens(read.tokens(), lower ? uncased : cased);
    const auto* const name = lower ? "uncased" : "cased";
    for (const auto& row : fixtures::ids()["rows"]) {
      const auto text = fixtures::bytes(row["hex"]);
      CHECK_MESSAGE(encoded(tokens, text) == row[name].get<id_list>(), name, ": ", raptr::shown(text));
    }
    for (const auto& row : fixtures::ids()["long"]) CHECK(encoded(tokens, fixtures::repeated(row)) == fixtures::repeated_ids(row[name]));
  }
}

TEST_CASE("BERT's splitting cleans, lowers and cuts") {
  CHECK(words_of("Hello,  World!", uncased) == "hello|,|world|!|");
  CHECK(words_of("Hello,  World!", cased) == "Hello|,|World|!|");
  CHECK(words_of("ÀÉî e\u0301", uncased) == "aei|e|");
  CHECK(words_of("ÀÉî", {.lower_case = true, .strip_accents = false}) == "àéî|");
  CHECK(words_of("ÀÉî", {.lower_case = false, .strip_accents = true}) == "AEi|");
  CHECK(words_of("a中文b", uncased) == "a|中|文|b|");
  CHECK(words_of("a中文b", {.split_ideographs = false}) == "a中文b|");
  CHECK(words_of(std::string_view("a\0b\x01 \xff"
                                  "c\t\r\nd",
                                  12),
                 uncased) == "ab|c|d|");
  CHECK(words_of("각", uncased) == "\u1100\u1161\u11a8|");
}

TEST_CASE("the longest token that fits comes first, and a word of unknown parts is unknown as a whole") {
  const wordpiece_tokenizer tokens({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##aff", "##able", "##a", "una", "["});
  CHECK(encoded(tokens, "Unaffable") == id_list{1});  // una-, then nothing goes on with "ffable"
  CHECK(encoded(tokens, "un una unable") == id_list{5, 9, 1});
  CHECK(encoded(tokens, "unaa") == id_list{9, 8});
  CHECK(encoded(tokens, "[MASK]") == id_list{10, 1, 1});
  CHECK(tokens.decode(id_list{2, 5, 6, 7, 9, 3, 1}) == "unaffable una [UNK]");
  CHECK(tokens.vocabulary() == raptr::vocabulary{.size = 11, .end_of_text = 3, .mask = 4, .pad = 0, .cls = 2, .sep = 3});
  CHECK(tokens.inside_word() == std::vector<bool>{false, false, false, false, false, false, true, true, true, false, false});
  CHECK(tokens.specials() == id_list{0, 2, 3, 4});
  id_list asked;
  raptr::encode_with_special(tokens, "[CLS] un[MASK]una [SEP]", asked);
  CHECK(asked == id_list{2, 5, 4, 9, 3});
  CHECK(has(sentence_of<raptr::input_error>([&] { tokens.decode(id_list{11}); }), "token id 11 is outside"));
}

TEST_CASE("a word of 100 letters is looked up, one of 101 is not") {
  const wordpiece_tokenizer tokens({"[UNK]", "a", "##a", "\u00e9", "##\u00e9"}, cased);
  CHECK(encoded(tokens, std::string(100, 'a')).size() == 100);
  CHECK(encoded(tokens, std::string(101, 'a')) == id_list{0});
  std::string accents;
  for (int i = 0; i < 100; ++i) accents += "\u00e9";
  CHECK(encoded(tokens, accents).size() == 100);
  CHECK(encoded(tokens, accents + "\u00e9") == id_list{0});
}

TEST_CASE("vocab.txt is read with any line end, and says whether it is cased") {
  const scratch_folder scratch;
  const auto file = scratch.path() / "vocab.txt";
  raptr::write_file(file, std::string_view("[UNK]\r\nthe\r\n##s"));
  CHECK(raptr::read_wordpiece(file).tokens() == std::vector<std::string>{"[UNK]", "the", "##s"});
  CHECK(raptr::read_wordpiece(scratch.path()).splitting() == uncased);
  raptr::write_file(file, std::string_view("[UNK]\nThe\n##s\n"));
  CHECK(raptr::read_wordpiece(file).splitting() == cased);
  raptr::write_file(scratch.path() / "tokenizer_config.json", std::string_view(R"({"do_lower_case": true, "strip_accents": null})"));
  CHECK(raptr::read_wordpiece(file).splitting() == uncased);
  raptr::write_file(scratch.path() / "tokenizer_config.json", std::string_view(R"({"do_lower_case": 1})"));
  CHECK(has(sentence_of<raptr::file_error>([&] { raptr::read_wordpiece(file); }), "\"do_lower_case\": expected true or false, got 1"));
}

TEST_CASE("a vocab.txt that cannot be is told with file and number") {
  const scratch_folder scratch;
  const auto file = scratch.path() / "vocab.txt";
  const auto told = [&](std::string_view text) {
    raptr::write_file(file, text);
    return sentence_of<raptr::file_error>([&] { raptr::read_wordpiece(file); });
  };
  CHECK(has(told("[UNK]\na\nb\na\n"), "vocab.txt (a token's id is its line number minus 1): the tokens 1 and 3 are both \"a\""));
  CHECK(has(told("[UNK]\na\n\nb\n"), "vocab.txt, line 3: expected a token, got an empty line"));
  CHECK(has(told("[UNK]\na\n\xff\n"), "token 2 is not UTF-8: \"\\xff\""));
  CHECK(has(told("a\nb\n"), "none of the 2 tokens is [UNK]"));
  CHECK(has(told(""), "none of the 0 tokens is [UNK]"));
}
