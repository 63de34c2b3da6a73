// SPDX-License-Identifier: Apache-2.0
// Ids and merges beside those of the `tokenizers` package, stored by tests/oracle/tokenizer_ids.py.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include <raptr/data/token_stream.hpp>
#include <raptr/tokenizers/bpe_files.hpp>
#include <raptr/tokenizers/bpe_trainer.hpp>

#include "scratch_folder.hpp"
#include "tokenizer_fixtures.hpp"

using fixtures::encoded;
using raptr::bpe_model;
using raptr::bpe_tokenizer;
using id_list = std::vector<std::int32_t>;

namespace {

/// The 256 bytes, ids by value, and what is added.
bpe_model byte_model(std::vector<std::string> more = {}, std::vector<raptr::token_pair> merges = {}) {
  bpe_model model{.merges = std::move(merges)};
  for (int byte = 0; byte < 256; ++byte) model.tokens.emplace_back(1, static_cast<char>(static_cast<unsigned char>(byte)));
  model.tokens.insert(model.tokens.end(), more.begin(), more.end());
  return model;
}
/// Byte pair encoding by its definition: the lowest rank, the leftmost, again and again.
id_list joined_slowly(id_list word, const bpe_tokenizer& tokens) {
  const auto& merges = tokens.model().merges;
  for (const auto& [left, right] : merges)
    for (std::size_t at = 0; at + 1 < word.size(); ++at)
      if (word[at] == left && word[at + 1] == right) {
        const auto bytes = tokens.token(left) + tokens.token(right);
        for (std::int32_t id = 0; id < tokens.size(); ++id)
          if (tokens.token(id) == bytes) word[at] = id;
        word.erase(word.begin() + static_cast<std::ptrdiff_t>(at) + 1);
      }
  return word;
}
std::vector<std::string> pieces_of(std::string_view text) {
  std::vector<std::string> pieces;
  raptr::split_gpt2(text, [&](std::string_view piece) { pieces.emplace_back(piece); });
  return pieces;
}
const bpe_tokenizer& stored() {
  static const auto tokens = raptr::read_bpe(fixtures::folder() / "bpe");
  return tokens;
}

}  // namespace

TEST_CASE("hard texts have the ids of the tokenizers package and come back byte for byte") {
  std::size_t rows = 0;
  for (const auto& row : fixtures::ids()["rows"]) {
    const auto text = fixtures::bytes(row["hex"]);
    const auto got = encoded(stored(), text);
    CHECK_MESSAGE(got == row["bpe"].get<id_list>(), raptr::shown(text));
    CHECK(stored().decode(got) == text);
    ++rows;
  }
  CHECK(rows > 100);
}

TEST_CASE("words of ten thousand letters have the ids of the tokenizers package") {
  for (const auto& row : fixtures::ids()["long"]) {
    const auto text = fixtures::repeated(row);
    const auto got = encoded(stored(), text);
    CHECK(got == fixtures::repeated_ids(row["bpe"]));
    CHECK(stored().decode(got) == text);
  }
}

TEST_CASE("joining with a heap gives what the definition gives") {
  std::uint32_t state = 1;
  const auto draw = [&](std::uint32_t below) {
    state = state * 1664525 + 1013904223;
    return (state >> 16U) % below;
  };
  for (int trial = 0; trial < 200; ++trial) {
    std::string word;
    for (auto left = 1 + draw(60); left > 0; --left) word += "aabehinrst"[draw(10)];
    id_list bytes;
    for (const char c : word) bytes.push_back(encoded(stored(), std::string(1, c)).front());
    CHECK_MESSAGE(encoded(stored(), word) == joined_slowly(bytes, stored()), word);
  }
}

TEST_CASE("a pair that comes twice is joined from the left, and a merge waits for its rank") {
  const bpe_tokenizer tokens(byte_model({"aa", "aaa", "ab"}, {{'a', 'a'}, {256, 'a'}, {'a', 'b'}}));
  CHECK(encoded(tokens, "aa") == id_list{256});
  CHECK(encoded(tokens, "aaa") == id_list{257});
  CHECK(encoded(tokens, "aaaa") == id_list{256, 256});
  CHECK(encoded(tokens, "aaaaa") == id_list{256, 257});
  CHECK(encoded(tokens, "aab") == id_list{256, 'b'});
  CHECK(encoded(tokens, "ab") == id_list{258});
}

TEST_CASE("a token that merging does not give is not found as a whole either") {
  // "abc" is a token, but "bc" is joined first and nothing joins a with it.
  const bpe_tokenizer tokens(byte_model({"bc", "ab", "abc"}, {{'b', 'c'}, {'a', 'b'}, {257, 'c'}}));
  CHECK(encoded(tokens, "abc") == id_list{'a', 256});
}

TEST_CASE("text is cut as GPT-2 cuts it") {
  using list = std::vector<std::string>;
  CHECK(pieces_of("").empty());
  CHECK(pieces_of("Hello  world's 123!") == list{"Hello", " ", " world", "'s", " 123", "!"});
  CHECK(pieces_of("a \n b") == list{"a", " \n", " b"});
  CHECK(pieces_of("a\n\nb") == list{"a", "\n", "\n", "b"});
  CHECK(pieces_of("x  ") == list{"x", "  "});
  CHECK(pieces_of("'tis 'll") == list{"'t", "is", " '", "ll"});
  CHECK(pieces_of("\xff\xfe"
                  "a\xff") == list{"\xff\xfe", "a", "\xff"});
  CHECK(pieces_of("a\xc2\xa0 b") == list{"a", "\xc2\xa0", " b"});
}

TEST_CASE("special tokens come from text only when asked for, and decode to nothing") {
  const auto special = stored().vocabulary().end_of_text;
  CHECK(special == 0);
  CHECK(stored().specials() == id_list{0});
  for (const auto id : encoded(stored(), "a<|endoftext|>b")) CHECK(id != special);
  id_list asked;
  raptr::encode_with_special(stored(), "a<|endoftext|>b<|endoftext|>", asked);
  auto wanted = encoded(stored(), "a");
  wanted.push_back(0);
  for (const auto id : encoded(stored(), "b")) wanted.push_back(id);
  wanted.push_back(0);
  CHECK(asked == wanted);
  CHECK(stored().decode(asked) == "ab");

  const bpe_tokenizer two(byte_model({"<|a|>", "<|a|><|b|>", "<|b|>"}));
  id_list both;
  raptr::encode_with_special(two, "<|b|><|a|><|b|><|a|>", both);
  CHECK(both == id_list{258, 257, 256});
}

TEST_CASE("the ids of a stream hold end of texts between documents only") {
  const std::vector<std::string_view> texts{"one<|endoftext|>", "two"};
  const raptr::token_stream stream(stored(), texts);
  std::vector<std::int32_t> all(static_cast<std::size_t>(stream.size()));
  stream.read(0, all);
  CHECK(std::ranges::count(all, 0) == 2);
  CHECK(all.back() == 0);
  CHECK(stored().decode(all) == "one<|endoftext|>two");
}

TEST_CASE("models that cannot be are told with their numbers") {
  const auto told = [](bpe_model model) { return sentence_of<raptr::input_error>([&] { bpe_tokenizer tokens(std::move(model)); }); };
  auto no_byte = byte_model();
  no_byte.tokens[200] = "xx";
  CHECK(has(told(no_byte), "none of the 256 tokens is the single byte 200"));
  CHECK(has(told(byte_model({"ab", "ab"}, {{'a', 'b'}})), "the tokens 256 and 257 are both \"ab\""));
  CHECK(has(told(byte_model({"ab"}, {{'a', 300}})), "merge 0 joins the ids 97 and 300: ids are 0 to 256"));
  CHECK(has(told(byte_model({"ab"}, {{'a', -1}})), "merge 0 joins the ids 97 and -1"));
  CHECK(has(told(byte_model({"ab"}, {{'a', 'b'}, {'b', 'c'}})), "merge 1 makes \"bc\", which is not among the 257 tokens"));
  CHECK(has(told(byte_model({"ab"}, {{'a', 'b'}, {'a', 'b'}})), "merge 1 joins \"a\" and \"b\", as number 0 does"));
  CHECK(has(told(byte_model({"<|x|>", "<|x|>a"}, {{256, 'a'}})), "merge 0 uses \"<|x|>\", which is neither a byte nor made by a merge"));
  for (const std::int32_t id : {-1, 1000})
    CHECK(has(sentence_of<raptr::input_error>([&] { stored().decode(id_list{id}); }), "token id " + std::to_string(id) + " is outside"));
}

TEST_CASE("training gives the merges of the tokenizers package") {
  for (const auto& row : fixtures::ids()["trained"]) {
    raptr::bpe_trainer trainer;
    for (const auto& text : row["texts"]) trainer.add(fixtures::bytes(text));
    const auto tokens = trainer.train(row["size"].get<int>());
    CHECK(tokens.size() == row["size"].get<int>());
    CHECK(tokens.vocabulary().end_of_text == tokens.size() - 1);
    std::vector<std::string> merges;
    for (const auto& [left, right] : tokens.model().merges)
      merges.push_back(raptr::spell_bytes(tokens.token(left)) + " " + raptr::spell_bytes(tokens.token(right)));
    CHECK_MESSAGE(merges == row["merges"].get<std::vector<std::string>>(), row["name"].get<std::string>());
  }
}

TEST_CASE("of equal pairs the one with the smallest ids is merged, whatever the order of the texts") {
  const std::vector<std::string_view> texts{"bbb", "aaa", "dddd", "cccc", "\xff\xff", "x\0y"}, backwards(texts.rbegin(), texts.rend());
  const auto one = raptr::train_bpe(texts, 261);
  CHECK(one.name() == raptr::train_bpe(backwards, 261).name());
  std::string merged;
  for (const auto& [left, right] : one.model().merges) merged += one.token(left) + "+" + one.token(right) + " ";
  CHECK(merged == "c+c d+d a+a b+b ");
}

TEST_CASE("text without a space trains, and any bytes come back") {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += static_cast<char>(static_cast<unsigned char>(97 + i * i % 7 + i % 5));
  const auto tokens = raptr::train_bpe(std::vector<std::string_view>{text}, 300);
  const auto some = encoded(tokens, text);
  CHECK(some.size() < text.size() / 4);
  CHECK(tokens.decode(some) == text);
}

TEST_CASE("sizes that cannot be trained are told") {
  const auto told = [](std::string_view text, int size) {
    return sentence_of<raptr::input_error>([&] { raptr::train_bpe(std::vector<std::string_view>{text}, size); });
  };
  CHECK(has(told("abc", 256), "a vocabulary of 256 tokens cannot be trained: use 257 to 65536"));
  CHECK(has(told("abc", 65'537), "a vocabulary of 65537 tokens cannot be trained"));
  CHECK(has(told("abc", 300), "the text has pairs for a vocabulary of 259 tokens, but 300 were requested"));
  CHECK(raptr::train_bpe(std::vector<std::string_view>{"abc"}, 259).size() == 259);
}
