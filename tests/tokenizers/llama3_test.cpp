// SPDX-License-Identifier: Apache-2.0
// The splitting of Llama 3 and its tokenizer.json, beside the ids of the `tokenizers` package that tests/oracle/llama3_ids.py stored.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <raptr/tokenizers/bpe_trainer.hpp>
#include <raptr/tokenizers/tokenizer_files.hpp>
#include <raptr/tokenizers/tokenizer_writer.hpp>

#include "scratch_folder.hpp"
#include "tokenizer_fixtures.hpp"

namespace {

using fixtures::encoded;
using raptr::bpe_splitting;
using raptr::bpe_tokenizer;
using raptr::json;
using id_list = std::vector<std::int32_t>;

const auto fixture = fixtures::folder() / "llama3";
const json& ids() {
  static const auto all = raptr::read_json(fixture / "ids.json");
  return all;
}
const bpe_tokenizer& stored() {
  static const auto tokens = raptr::read_bpe(fixture);
  return tokens;
}
std::vector<std::string> pieces_of(std::string_view text) {
  std::vector<std::string> pieces;
  raptr::split_llama3(text, [&](std::string_view piece) { pieces.emplace_back(piece); });
  return pieces;
}
/// What is said of the stored tokenizer.json after change(whole file).
template <class F> std::string told(F change) {
  const scratch_folder folder;
  json whole = raptr::read_json(fixture / "tokenizer.json");
  change(whole);
  overwrite(folder / "tokenizer.json", raptr::json_text(whole));
  return sentence_of([&] { raptr::read_tokenizer(folder.path()); });
}

}  // namespace

TEST_CASE("hard and random texts have the ids that the tokenizers package gives to a tokenizer of Llama 3") {
  int random = 0, not_utf8 = 0;
  for (const json& row : ids()["rows"]) {
    const std::string text = fixtures::bytes(row["hex"]);
    const id_list got = encoded(stored(), text);
    CHECK_MESSAGE(got == row["ids"].get<id_list>(), raptr::shown(text));
    CHECK(stored().decode(got) == text);
    random += row["kind"] == "random", not_utf8 += row["kind"] == "not UTF-8";
  }
  CHECK(random == 250);
  CHECK(not_utf8 > 10);
}

TEST_CASE("text is cut as Llama 3 cuts it: three digits, any case, one sign before a word, line ends with the sign before them") {
  using list = std::vector<std::string>;
  CHECK(pieces_of("").empty());
  CHECK(pieces_of("Hello  world's 12345!") == list{"Hello", " ", " world", "'s", " ", "123", "45", "!"});
  CHECK(pieces_of("IT'S we'LL 'tis") == list{"IT", "'S", " we", "'LL", " '", "tis"});
  CHECK(pieces_of("(word) \t_x ?y") == list{"(word", ")", " ", "\t", "_x", " ?", "y"});
  CHECK(pieces_of("Stop.\r\n\n Go") == list{"Stop", ".\r\n\n", " Go"});
  CHECK(pieces_of("a \n \n  b") == list{"a", " \n \n", " ", " b"});
  CHECK(pieces_of("\n b  ") == list{"\n", " b", "  "});
  CHECK(pieces_of("'\xc5\xbfx") == list{"'\xc5\xbf", "x"});  // the long s
  CHECK(pieces_of("\xff"
                  "a\xff\n") == list{"\xff"
                                     "a",
                                     "\xff\n"});
  static_assert([] {
    int pieces = 0;
    raptr::split_llama3("one two", [&](std::string_view) { ++pieces; });
    return pieces;
  }() == 2);
}

TEST_CASE("with ignore_merges a pre-token that is a token is this token, and one that no text gives stays special") {
  const auto id_of = [](std::string_view text) {
    for (std::int32_t id = 0; id < stored().size(); ++id)
      if (stored().token(id) == text) return id;
    return -1;
  };
  CHECK(stored().model().ignore_merges);
  for (const char* const word : {"kvj", " notmerged", "supercalifragilisticexpialidocious"}) {
    CHECK(encoded(stored(), word) == id_list{id_of(word)});
    CHECK_FALSE(stored().is_special(id_of(word)));
    auto model = stored().model();
    model.ignore_merges = false;
    const bpe_tokenizer merging(model);
    CHECK(encoded(merging, word).size() > 1);
    CHECK(merging.name() != stored().name());
  }
  CHECK(stored().is_special(id_of("two words")));
  CHECK(encoded(stored(), "two words").size() > 1);
  const int begin = ids()["begin"].get<int>();
  CHECK(stored().specials() == id_list{id_of("two words"), begin, begin + 1, begin + 2});
  CHECK(stored().vocabulary() == raptr::vocabulary{.size = begin + 3, .end_of_text = begin + 1});
}

TEST_CASE("a tokenizer of Llama 3 is written as it is read, and its splitting is part of its name") {
  const scratch_folder folder;
  raptr::write_bpe(stored(), folder / "new");
  CHECK(raptr::read_bpe(folder / "new").name() == stored().name());
  CHECK_FALSE(std::filesystem::exists(folder / "new" / "vocab.json"));  // it would be read with the splitting of GPT-2
  CHECK(raptr::read_json(folder / "new" / "tokenizer.json")["pre_tokenizer"] == raptr::read_json(fixture / "tokenizer.json")["pre_tokenizer"]);
  for (const raptr::text_file& file : raptr::tokenizer_files(stored(), {.context = 64})) overwrite(folder / file.name, file.text);
  CHECK(std::get<bpe_tokenizer>(raptr::read_tokenizer(folder.path())).name() == stored().name());
  auto model = stored().model();
  model.splitting = bpe_splitting::gpt2;
  CHECK(bpe_tokenizer(model).name() != stored().name());
}

TEST_CASE("training with the splitting of Llama 3 gives the merges of the tokenizers package") {
  raptr::bpe_trainer trainer(bpe_splitting::llama3);
  for (const json& row : ids()["rows"])
    if (row["kind"] != "ignore_merges" && row["kind"] != "not UTF-8") trainer.add(fixtures::bytes(row["hex"]));
  const bpe_tokenizer tokens = trainer.train(421);
  auto wanted = stored().model().merges;
  wanted.resize(wanted.size() - 3);  // those that show ignore_merges
  const auto spelled = [](const bpe_tokenizer& of, const std::vector<raptr::token_pair>& merges) {
    std::vector<std::string> all;
    for (const auto& [left, right] : merges) all.push_back(raptr::shown(of.token(left)) + " + " + raptr::shown(of.token(right)));
    return all;
  };
  CHECK(tokens.model().splitting == bpe_splitting::llama3);
  CHECK(wanted.size() > 150);
  CHECK(spelled(tokens, tokens.model().merges) == spelled(stored(), wanted));
}

TEST_CASE("a splitting that is known by its regular expression is read, any other is refused by name") {
  const auto split = [](json& whole) -> json& { return whole["pre_tokenizer"]["pretokenizers"][0]; };
  const auto bytes = [](json& whole) -> json& { return whole["pre_tokenizer"]["pretokenizers"][1]; };
  CHECK(told([&](json& whole) { split(whole)["pattern"]["Regex"] = raptr::gpt2_pattern; }) == "nothing was thrown");
  CHECK(has(told([&](json& whole) { split(whole)["pattern"]["Regex"] = "\\w+"; }),
            "\"pattern\": expected the regular expression of GPT-2 or that of Llama 3, got {\"Regex\":\"\\\\w+\"}"));
  CHECK(has(told([&](json& whole) { split(whole)["pattern"] = {{"String", " "}}; }), "\"pattern\": expected the regular expression of GPT-2"));
  CHECK(has(told([&](json& whole) { split(whole)["behavior"] = "Removed"; }), "\"behavior\": expected \"Isolated\", got \"Removed\""));
  CHECK(has(told([&](json& whole) { split(whole)["invert"] = true; }), "\"invert\": expected false, got true"));
  CHECK(has(told([&](json& whole) { split(whole)["type"] = "Digits"; }), "\"type\": expected \"Split\", got \"Digits\""));
  CHECK(has(told([&](json& whole) { bytes(whole)["type"] = "Metaspace"; }), "\"type\": expected \"ByteLevel\", got \"Metaspace\""));
  CHECK(has(told([&](json& whole) { bytes(whole)["use_regex"] = true; }), "\"use_regex\": expected false, got true"));
  CHECK(has(told([&](json& whole) { bytes(whole).erase("use_regex"); }), "\"use_regex\": expected a value, got nothing"));
  CHECK(has(told([&](json& whole) { bytes(whole)["add_prefix_space"] = true; }), "\"add_prefix_space\": expected false"));
  CHECK(has(told([&](json& whole) { whole["pre_tokenizer"]["pretokenizers"].erase(1); }), "\"pretokenizers\": expected a Split and a ByteLevel"));
  CHECK(
      has(told([&](json& whole) { whole["pre_tokenizer"]["type"] = "Whitespace"; }),
          "\"pre_tokenizer\": expected \"ByteLevel\", as in GPT-2, or a \"Sequence\" of a Split and a ByteLevel, as in Llama 3, got \"Whitespace\""));
}
