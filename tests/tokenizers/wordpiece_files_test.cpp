// SPDX-License-Identifier: Apache-2.0
// WordPiece folders of every kind beside the ids of the `tokenizers` package, stored by tests/oracle/wordpiece_files.py, and what
// is refused because it would give other ids.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include <raptr/tokenizers/tokenizer_files.hpp>

#include "scratch_folder.hpp"
#include "tokenizer_fixtures.hpp"

using fixtures::encoded;
using id_list = std::vector<std::int32_t>;

namespace {

const raptr::json& stored() {
  static const auto all = raptr::read_json(fixtures::folder() / "wordpiece_files.json");
  return all;
}
const raptr::json& folder_named(std::string_view name) {
  for (const auto& one : stored()["folders"])
    if (one["name"] == name) return one;
  throw std::runtime_error("no such folder");
}
void put(const scratch_folder& in, const raptr::json& files) {
  for (const auto& [name, content] : files.items()) overwrite(in / name, raptr::json_text(content));
}
raptr::wordpiece_tokenizer read(const scratch_folder& in) { return std::get<raptr::wordpiece_tokenizer>(raptr::read_tokenizer(in.path())); }
std::string told(const scratch_folder& in) {
  return sentence_of([&] { raptr::read_tokenizer(in.path()); });
}
/// What is said of the folder "uncased" after change(its tokenizer.json).
template <class Change> std::string told_of(Change&& change) {
  const scratch_folder in;
  auto whole = folder_named("uncased")["files"]["tokenizer.json"];
  change(whole);
  overwrite(in / "tokenizer.json", raptr::json_text(whole));
  return told(in);
}
std::string lines_of(const raptr::json& tokenizer_json) {
  std::string lines;
  for (const auto& [token, id] : tokenizer_json["model"]["vocab"].items()) lines += token + "\n";
  return lines;
}
/// A vocab.txt, and tokenizer_config.json if it is not empty.
struct lines_and_config {
  explicit lines_and_config(const std::string& lines, const std::string& config = "") {
    overwrite(folder / "vocab.txt", lines);
    if (!config.empty()) overwrite(folder / "tokenizer_config.json", config);
  }
  scratch_folder folder;
};
constexpr raptr::bert_splitting uncased{}, cased{.lower_case = false, .strip_accents = false};
const std::string marks = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";

}  // namespace

TEST_CASE("every folder with a tokenizer.json has the WordPiece ids of the tokenizers package") {
  for (const auto& one : stored()["folders"]) {
    const scratch_folder in;
    put(in, one["files"]);
    CAPTURE(one["name"].get<std::string>());
    const auto tokens = read(in);
    for (std::size_t i = 0; i < one["ids"].size(); ++i) {
      const auto text = fixtures::bytes(stored()["texts"][i]);
      CHECK_MESSAGE(encoded(tokens, text) == one["ids"][i].get<id_list>(), raptr::shown(text));
    }
    CHECK(std::get<raptr::wordpiece_tokenizer>(raptr::read_tokenizer(in / "tokenizer.json")).name() == tokens.name());
  }
}

TEST_CASE("special tokens of a tokenizer.json have their roles") {
  const scratch_folder plain, other, behind;
  put(plain, folder_named("saved uncased")["files"]);
  CHECK(read(plain).vocabulary() == raptr::vocabulary{.size = 57, .end_of_text = 3, .mask = 4, .pad = 0, .cls = 2, .sep = 3});
  put(other, folder_named("other marks")["files"]);
  CHECK(read(other).vocabulary() == raptr::vocabulary{.size = 58, .end_of_text = 5, .mask = 4, .pad = 0, .cls = 2, .sep = 3});
  put(behind, folder_named("marks behind the words")["files"]);
  CHECK(read(behind).vocabulary() == raptr::vocabulary{.size = 58, .end_of_text = 55, .mask = 56, .pad = 53, .cls = 54, .sep = 55});
  CHECK(read(behind).specials() == id_list{53, 54, 55, 56, 57});
}

TEST_CASE("a tokenizer.json and the vocab.txt beside it are one tokenizer, or are refused with both names") {
  const scratch_folder in;
  put(in, folder_named("cased")["files"]);
  const auto alone = read(in).name();
  const auto lines = lines_of(folder_named("cased")["files"]["tokenizer.json"]);
  overwrite(in / "vocab.txt", lines);
  CHECK(read(in).name() == alone);
  CHECK(std::get<raptr::wordpiece_tokenizer>(raptr::read_tokenizer(in / "vocab.txt")).name() == alone);
  overwrite(in / "vocab.txt", lines + "further\n");
  CHECK((has(told(in), "tokenizer.json") && has(told(in), "vocab.txt")));
  auto swapped = lines;
  swapped.replace(swapped.find("hello\nabc"), 9, "abc\nhello");
  overwrite(in / "vocab.txt", swapped);
  CHECK((has(told(in), "tokenizer.json") && has(told(in), "vocab.txt")));
}

TEST_CASE("a tokenizer.json says whether a vocab.txt is cased, and tokenizer_config.json must not say otherwise") {
  const scratch_folder in;
  put(in, folder_named("uncased")["files"]);  // with the capitals of Hello and ABC among its tokens
  CHECK(read(in).splitting() == uncased);
  overwrite(in / "tokenizer_config.json", R"({"do_lower_case": true, "strip_accents": null, "tokenize_chinese_chars": true})");
  CHECK(read(in).splitting() == uncased);
  for (const char* const config : {R"({"do_lower_case": false})", R"({"strip_accents": false})", R"({"tokenize_chinese_chars": false})"}) {
    overwrite(in / "tokenizer_config.json", config);
    CHECK((has(told(in), "tokenizer.json") && has(told(in), "tokenizer_config.json")));
  }
}

TEST_CASE("capitals inside marks say nothing about the case of a vocab.txt") {
  const auto splitting = [](const std::string& words) { return read(lines_and_config(marks + words).folder).splitting(); };
  CHECK(splitting("<S>\n<T>\nhello\nabc\n") == uncased);
  CHECK(splitting("<|SEP|>\n[X]\n##[Y]\n{A}\nhello\n") == uncased);
  CHECK(splitting("(CLS)\n##<B>\n\xc2\xabQ\xc2\xbb\nhello\n") == uncased);
  CHECK(splitting("<S>\nHello\nabc\n") == cased);
  CHECK(splitting("hello\n##A\n") == cased);
  CHECK(splitting("\u043f\u0440\u0438\u0432\u0435\u0442\n\u041f\u0440\u0438\u0432\u0435\u0442\n") == cased);  // Cyrillic capitals
  CHECK(splitting("hello\n\u00c9t\u00e9\n") == cased);
}

TEST_CASE("members of tokenizer_config.json that give other ids are refused by name") {
  const auto told_of_config = [](const std::string& config) { return told(lines_and_config(marks + "hello\n", config).folder); };
  CHECK(told_of_config(R"({"tokenizer_class": "BertTokenizer", "do_lower_case": true, "do_basic_tokenize": true, "never_split": null,
                           "model_max_length": 512, "word_tokenizer_type": "basic", "subword_tokenizer_type": "wordpiece"})") ==
        "nothing was thrown");
  CHECK(has(told_of_config(R"({"word_tokenizer_type": "mecab"})"),
            "tokenizer_config.json, \"word_tokenizer_type\": expected \"basic\", got \"mecab\""));
  CHECK(has(told_of_config(R"({"subword_tokenizer_type": "character"})"), "\"subword_tokenizer_type\": expected \"wordpiece\", got \"character\""));
  CHECK(has(told_of_config(R"({"do_basic_tokenize": false})"), "\"do_basic_tokenize\": expected true, got false"));
  CHECK(has(told_of_config(R"({"never_split": ["hello"]})"), "\"never_split\": expected "));
  CHECK(has(told_of_config(R"({"tokenizer_class": "RoFormerTokenizer"})"), "\"tokenizer_class\": expected "));
  CHECK(
      has(told_of_config(R"({"tokenizer_class": "BertJapaneseTokenizer", "word_tokenizer_type": "sudachi"})"), "\"word_tokenizer_type\": expected "));
}

TEST_CASE("what would give other ids is refused in the tokenizer.json of a WordPiece") {
  using raptr::json;
  CHECK(told_of([](json&) {}) == "nothing was thrown");
  CHECK(has(told_of([](json& t) { t["normalizer"] = nullptr; }), "\"normalizer\": expected \"BertNormalizer\""));
  CHECK(has(told_of([](json& t) { t["normalizer"] = {{"type", "NFKC"}}; }), "\"normalizer\": expected \"BertNormalizer\""));
  CHECK(has(told_of([](json& t) { t["normalizer"]["clean_text"] = false; }), "\"clean_text\": expected true"));
  CHECK(has(told_of([](json& t) { t["pre_tokenizer"] = {{"type", "Whitespace"}}; }), "\"pre_tokenizer\": expected \"BertPreTokenizer\""));
  CHECK(has(told_of([](json& t) { t["model"]["continuing_subword_prefix"] = "@@"; }), "\"continuing_subword_prefix\": expected \"##\", got \"@@\""));
  CHECK(has(told_of([](json& t) { t["model"]["max_input_chars_per_word"] = -1; }), "\"max_input_chars_per_word\": expected "));
  CHECK(has(told_of([](json& t) { t["model"]["unk_token"] = "[X]"; }), "\"unk_token\": expected one of the 57 tokens"));
  CHECK(has(told_of([](json& t) { t["model"]["type"] = "Unigram"; }), "\"type\": expected \"BPE\" or \"WordPiece\", got \"Unigram\""));
  CHECK(has(told_of([](json& t) {
              t["added_tokens"].push_back({{"id", 5}, {"content", "hello"}, {"special", false}});
            }),
            "\"hello\", which plain text could produce"));
  CHECK(has(told_of([](json& t) {
              t["added_tokens"].push_back({{"id", 5}, {"content", "hello"}, {"special", true}});
            }),
            "\"hello\", which plain text could produce"));
  CHECK(has(told_of([](json& t) { t["added_tokens"].push_back({{"id", 70}, {"content", "[X]"}, {"special", true}}); }), "expected an id of 0 to 57"));
  CHECK(has(told_of([](json& t) {
              t["added_tokens"].push_back({{"id", 3}, {"content", "[X]"}, {"special", true}});
            }),
            "expected a unique id, got 3"));
  CHECK(has(told_of([](json& t) { t["model"]["vocab"]["hello"] = 6; }), "a unique id"));
  CHECK(has(told_of([](json& t) { t["model"]["vocab"]["hello"] = 57; }), "expected an id of 0 to 56"));
  CHECK(has(told_of([](json& t) { t["model"].erase("vocab"); }), "\"vocab\": expected a value, got nothing"));
}

TEST_CASE("blanks at the end of a line of vocab.txt are no part of the token, as the tokenizers package reads it") {
  const lines_and_config one(marks + "Nb  \nRe\nx\t\ny\u00a0\nz\u3000\n a\n");
  const auto tokens = read(one.folder).tokens();
  CHECK(std::vector<std::string>(tokens.begin() + 5, tokens.end()) == std::vector<std::string>{"Nb", "Re", "x", "y", "z", " a"});
  CHECK(encoded(read(one.folder), "Nb Re x y z") == id_list{5, 6, 7, 8, 9});
  CHECK(has(told(lines_and_config(marks + "Nb \nNb\n").folder), "the tokens 5 and 6 are both \"Nb\""));
}

TEST_CASE("an empty line of vocab.txt is refused with its number, wherever it stands") {
  CHECK(has(told(lines_and_config(marks + "\nRe\n").folder), "vocab.txt, line 6: expected a token, got an empty line"));
  CHECK(has(told(lines_and_config(marks + "Re\n  \n").folder), "vocab.txt, line 7: expected a token, got an empty line"));
  CHECK(has(told(lines_and_config("\n" + marks).folder), "vocab.txt, line 1: expected a token, got an empty line"));
  CHECK(has(told(lines_and_config(marks + "Re\n\n").folder), "vocab.txt, line 7: expected a token, got an empty line"));
  CHECK(has(told(lines_and_config(marks + "Re\r\n\u3000\r\n").folder), "vocab.txt, line 7: expected a token, got an empty line"));
}

TEST_CASE("a vocabulary whose words end with </w> is refused as such") {
  CHECK(has(told(lines_and_config(marks + "the\nthe</w>\n").folder), "vocab.txt, line 7: \"the</w>\" ends a word with </w>"));
  CHECK(has(told(lines_and_config(marks + "a</w>\n", R"({"do_lower_case": true})").folder), "ends a word with </w>"));
  CHECK(told(lines_and_config(marks + "</w>\n").folder) == "nothing was thrown");
  const scratch_folder clip;
  overwrite(clip / "vocab.json", R"({"a": 0, "b": 1, "b</w>": 2, "ab</w>": 3})");
  overwrite(clip / "merges.txt", "#version: 0.2\na b</w>\n");
  CHECK(has(told(clip), "vocab.json: \"b</w>\" ends a word with </w>"));
  CHECK(has(told_of([](raptr::json& t) {
              t["model"] = {{"type", "BPE"}, {"vocab", {{"a", 0}, {"a</w>", 1}}}, {"merges", raptr::json::array()}};
              t["normalizer"] = nullptr, t["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
              t["added_tokens"] = raptr::json::array();
            }),
            "tokenizer.json: \"a</w>\" ends a word with </w>"));
}

TEST_CASE("a link to nothing is refused by name, not taken for a file that is absent") {
  namespace fs = std::filesystem;
  for (const char* const name :
       {"vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "config.json"}) {
    const lines_and_config one(marks + "hello\n");
    fs::remove(one.folder / name);
    fs::create_symlink("../blobs/0123", one.folder / name);
    CAPTURE(name);
    CHECK(has(told(one.folder), std::string(name) + " is a link to ../blobs/0123, which does not exist"));
  }
  const scratch_folder bytes;
  fs::create_symlink("gone", bytes / "vocab.json");
  CHECK(has(told(bytes), "vocab.json is a link to gone, which does not exist"));
  CHECK(has(sentence_of([&] { raptr::read_tokenizer(bytes / "vocab.json"); }), "vocab.json is a link to gone, which does not exist"));
  overwrite(bytes / "gone", "{}");
  fs::create_symlink("away", bytes / "merges.txt");
  CHECK(has(told(bytes), "merges.txt is a link to away, which does not exist"));
  fs::create_symlink("nowhere", bytes / "folder");
  CHECK(has(sentence_of([&] { raptr::read_tokenizer(bytes / "folder"); }), "folder is a link to nowhere, which does not exist"));
  const lines_and_config linked(marks + "hello\n");
  fs::rename(linked.folder / "vocab.txt", linked.folder / "blob");
  fs::create_symlink("blob", linked.folder / "vocab.txt");
  CHECK(told(linked.folder) == "nothing was thrown");
}
