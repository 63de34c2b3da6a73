// SPDX-License-Identifier: Apache-2.0
// What the files beside a vocabulary say of its special tokens: roles, further tokens, and files that contradict each other.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <raptr/tokenizers/tokenizer_files.hpp>

#include "scratch_folder.hpp"
#include "tokenizer_fixtures.hpp"

namespace {

using pairs = std::vector<std::pair<const char*, std::string>>;

/// A folder with the 256 bytes (ids 0 to 255), "he" (256) and further special tokens in vocab.json, and with files beside it.
struct bpe_folder {
  explicit bpe_folder(const std::vector<std::string>& specials, const pairs& files = {}, const std::string& text = "") {
    std::vector<std::string> tokens;
    for (const auto byte : raptr::detail::bytes_in_order()) tokens.emplace_back(1, static_cast<char>(byte));
    const auto id_of = [&](const char* one) { return static_cast<std::int32_t>(std::ranges::find(tokens, one) - tokens.begin()); };
    const raptr::token_pair he{id_of("h"), id_of("e")};
    tokens.emplace_back("he");
    tokens.insert(tokens.end(), specials.begin(), specials.end());
    raptr::write_bpe(raptr::bpe_tokenizer({.tokens = tokens, .merges = {he}}), folder.path());
    std::filesystem::remove(folder / "tokenizer.json");
    for (const auto& [name, content] : files) overwrite(folder / name, content);
    if (!text.empty()) overwrite(folder / "text", text);
  }
  raptr::vocabulary ids() const {
    return std::visit([](const auto& t) { return t.vocabulary(); }, raptr::read_tokenizer(folder.path()));
  }
  std::string told() const {
    return sentence_of([&] { raptr::read_tokenizer(folder.path()); });
  }
  scratch_folder folder;
};
struct word_folder {
  explicit word_folder(const std::string& lines, const pairs& files = {}) {
    overwrite(folder / "vocab.txt", lines);
    for (const auto& [name, content] : files) overwrite(folder / name, content);
  }
  raptr::wordpiece_tokenizer read() const { return std::get<raptr::wordpiece_tokenizer>(raptr::read_tokenizer(folder.path())); }
  std::string told() const {
    return sentence_of([&] { raptr::read_tokenizer(folder.path()); });
  }
  scratch_folder folder;
};

const std::string other_marks = "<pad>\n<unk>\n<cls>\n<sep>\n<mask>\n<eos>\nhello\n##s\nthe\n";

}  // namespace

TEST_CASE("the end of text has the name that special_tokens_map.json or tokenizer_config.json gives") {
  CHECK(bpe_folder({"<eos>"}).ids().end_of_text == -1);
  CHECK(bpe_folder({"<eos>"}, {{"special_tokens_map.json", R"({"eos_token": "<eos>"})"}}).ids().end_of_text == 257);
  CHECK(bpe_folder({"<eos>"}, {{"tokenizer_config.json", R"({"eos_token": "<eos>"})"}}).ids().end_of_text == 257);
  CHECK(bpe_folder({"<eos>"}, {{"tokenizer_config.json", R"({"eos_token": {"content": "<eos>", "lstrip": false, "special": true}})"}})
            .ids()
            .end_of_text == 257);
  const bpe_folder both({"[end]", "<|endoftext|>"}, {{"special_tokens_map.json", R"({"eos_token": "[end]", "pad_token": null})"},
                                                     {"tokenizer_config.json", R"({"eos_token": "[end]"})"}});
  CHECK(both.ids().end_of_text == 257);  // a file's word before the name that others use
}

TEST_CASE("mask, padding and frame of a byte-level tokenizer are those of its files") {
  const bpe_folder roberta({"<s>", "<pad>", "</s>", "<mask>"}, {{"special_tokens_map.json", R"({"bos_token": "<s>", "eos_token": "</s>",
      "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>", "mask_token": {"content": "<mask>", "lstrip": true}})"}});
  CHECK(roberta.ids() == raptr::vocabulary{.size = 261, .end_of_text = 259, .mask = 260, .pad = 258, .cls = 257, .sep = 259});
  const bpe_folder own({"[hide]", "[nothing]"}, {{"tokenizer_config.json", R"({"mask_token": "[hide]", "pad_token": "[nothing]"})"}});
  CHECK(own.ids() == raptr::vocabulary{.size = 259, .mask = 257, .pad = 258});
}

TEST_CASE("config.json gives the roles that no other file names") {
  CHECK(bpe_folder({"<a>", "<b>"}, {{"config.json", R"({"eos_token_id": 258, "pad_token_id": 257})"}}).ids() ==
        raptr::vocabulary{.size = 259, .end_of_text = 258, .pad = 257});
  CHECK(bpe_folder({"</s>", "<b>"}, {{"config.json", R"({"eos_token_id": null})"}}).ids().end_of_text == 257);
  CHECK(bpe_folder({"<a>", "<b>"}, {{"config.json", R"({"eos_token_id": [257, 258]})"}, {"tokenizer_config.json", R"({"eos_token": "<b>"})"}})
            .ids()
            .end_of_text == 258);
  CHECK(bpe_folder({"<a>"}, {{"config.json", R"({"model_type": "gpt2"})"}}).ids().end_of_text == -1);
}

TEST_CASE("tokens of added_tokens.json and of added_tokens_decoder belong to the vocabulary") {
  const bpe_folder added({}, {{"added_tokens.json", R"({"<eos>": 257, "<pad>": 258})"}, {"special_tokens_map.json", R"({"eos_token": "<eos>"})"}});
  CHECK(added.ids() == raptr::vocabulary{.size = 259, .end_of_text = 257, .pad = 258});
  const bpe_folder decoder({"<eos>"}, {{"tokenizer_config.json", R"({"eos_token": "<eos>", "added_tokens_decoder": {
      "257": {"content": "<eos>", "special": true}, "258": {"content": "<hide>", "special": true}}, "mask_token": "<hide>"})"}});
  CHECK(decoder.ids() == raptr::vocabulary{.size = 259, .end_of_text = 257, .mask = 258});
  const word_folder words("[PAD]\n[UNK]\n[CLS]\n[SEP]\nhello\n",
                          {{"added_tokens.json", R"({"[MASK]": 5})"}, {"tokenizer_config.json", R"({"mask_token": "[MASK]"})"}});
  CHECK(words.read().vocabulary() == raptr::vocabulary{.size = 6, .end_of_text = 3, .mask = 5, .pad = 0, .cls = 2, .sep = 3});
}

TEST_CASE("files that contradict each other are refused with both names") {
  const auto both = [](const std::string& told, const char* first, const char* second) {
    CAPTURE(told);
    CHECK(has(told, first));
    CHECK(has(told, second));
  };
  both(bpe_folder({"<a>", "<b>"}, {{"special_tokens_map.json", R"({"eos_token": "<a>"})"}, {"tokenizer_config.json", R"({"eos_token": "<b>"})"}})
           .told(),
       "special_tokens_map.json", "tokenizer_config.json");
  both(bpe_folder({"<a>", "<b>"}, {{"special_tokens_map.json", R"({"eos_token": "<a>"})"}, {"config.json", R"({"eos_token_id": 258})"}}).told(),
       "special_tokens_map.json", "config.json, \"eos_token_id\"");
  both(bpe_folder({"<a>", "<b>"}, {{"tokenizer_config.json", R"({"pad_token": "<a>"})"}, {"config.json", R"({"pad_token_id": 258})"}}).told(),
       "tokenizer_config.json", "config.json, \"pad_token_id\"");
  both(bpe_folder({"<pad>"}, {{"added_tokens.json", R"({"<pad>": 258})"}}).told(), "added_tokens.json", "vocab.json");
  both(bpe_folder({"<a>"}, {{"tokenizer_config.json", R"({"added_tokens_decoder": {"12": {"content": "<a>", "special": true}}})"}}).told(),
       "tokenizer_config.json", "vocab.json");
  both(word_folder(other_marks, {{"special_tokens_map.json", R"({"mask_token": "<mask>", "unk_token": "<unk>"})"},
                                 {"tokenizer_config.json", R"({"mask_token": "<eos>"})"}})
           .told(),
       "special_tokens_map.json", "tokenizer_config.json");
}

TEST_CASE("a role that no token has, or a token of plain text, is refused with its name") {
  const auto told = [](const pairs& files) { return bpe_folder({"<a>"}, files).told(); };
  CHECK(
      has(told({{"special_tokens_map.json", R"({"eos_token": "<b>"})"}}), "special_tokens_map.json, \"eos_token\": expected one of the 258 tokens"));
  CHECK(has(told({{"tokenizer_config.json", R"({"mask_token": "he"})"}}), "tokenizer_config.json, \"mask_token\": "));
  CHECK(has(told({{"tokenizer_config.json", R"({"mask_token": "he"})"}}), "\"he\", which plain text could produce"));
  CHECK(has(told({{"config.json", R"({"eos_token_id": 50256})"}}), "config.json, \"eos_token_id\": expected an id of 0 to 257"));
  CHECK(has(told({{"config.json", R"({"eos_token_id": 256})"}}), "\"he\", which plain text could produce"));
  CHECK(has(told({{"special_tokens_map.json", R"({"eos_token": 5})"}}), "\"eos_token\": expected a string"));
  CHECK(has(told({{"added_tokens.json", R"({"house": 258})"}}), "\"house\", which plain text could produce"));
  CHECK(has(told({{"added_tokens.json", R"({"<b>": 258})"}}), "additional_special_tokens"));
  CHECK(told({{"added_tokens.json", R"({"<b>": 258})"}, {"special_tokens_map.json", R"({"additional_special_tokens": ["<b>"]})"}}) ==
        "nothing was thrown");
  CHECK(has(told({{"added_tokens.json", R"({"<pad>": 300})"}}), "expected an id of 0 to 258"));
  CHECK(has(told({{"tokenizer_config.json", R"({"added_tokens_decoder": {"258": {"content": "<b>", "special": false}}})"}}),
            "\"<b>\", which plain text could produce"));
  CHECK(has(word_folder("[UNK]\nhello\n##s\n", {{"tokenizer_config.json", R"({"eos_token": "hello"})"}}).told(),
            "\"hello\", which plain text could produce"));
}

TEST_CASE("a WordPiece vocabulary with other marks has the roles that its files name") {
  const word_folder named(other_marks, {{"special_tokens_map.json", R"({"eos_token": "<eos>", "mask_token": "<mask>", "pad_token": "<pad>",
      "cls_token": "<cls>", "sep_token": "<sep>", "unk_token": "<unk>"})"}});
  const auto tokens = named.read();
  CHECK(tokens.vocabulary() == raptr::vocabulary{.size = 9, .end_of_text = 5, .mask = 4, .pad = 0, .cls = 2, .sep = 3});
  CHECK(fixtures::encoded(tokens, "Hellos zebra the") == std::vector<std::int32_t>{6, 7, 1, 8});
  CHECK(fixtures::encoded(tokens, "<unk>").size() == 3);
  CHECK(tokens.specials() == std::vector<std::int32_t>{0, 2, 3, 4, 5});
  const word_folder without_end(other_marks, {{"special_tokens_map.json", R"({"sep_token": "<sep>", "unk_token": "<unk>"})"}});
  CHECK(without_end.read().vocabulary().end_of_text == 3);
}

TEST_CASE("settings that give other ids are refused beside vocab.json") {
  const auto told = [](const std::string& config) { return bpe_folder({}, {{"tokenizer_config.json", config}}).told(); };
  CHECK(told(R"({"add_prefix_space": false, "tokenizer_class": "GPT2Tokenizer", "model_max_length": 1024, "errors": "replace"})") ==
        "nothing was thrown");
  CHECK(has(told(R"({"add_prefix_space": true})"), "tokenizer_config.json, \"add_prefix_space\": expected false"));
  CHECK(has(told(R"({"do_lower_case": true})"), "tokenizer_config.json, \"do_lower_case\": expected false"));
  CHECK(has(told(R"({"tokenizer_class": "CLIPTokenizer"})"), "tokenizer_config.json, \"tokenizer_class\": expected "));
  CHECK(has(told("[]"), "tokenizer_config.json: expected an object"));
}
