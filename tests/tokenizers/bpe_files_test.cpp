// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <raptr/tokenizers/tokenizer_files.hpp>

#include "scratch_folder.hpp"
#include "tokenizer_fixtures.hpp"

namespace {

namespace fs = std::filesystem;

const fs::path stored = fixtures::folder() / "bpe";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}
/// A folder with the stored tokenizer, to be damaged.
struct copied {
  explicit copied(bool as_one_file) {
    for (const char* const name : {"vocab.json", "merges.txt", "tokenizer.json"})
      if ((std::string_view(name) == "tokenizer.json") == as_one_file) fs::copy_file(stored / name, folder / name);
  }
  void change(const char* name, std::string_view from, std::string_view to) const {
    overwrite(folder / name, replaced(raptr::read_file(folder / name), from, to));
  }
  std::string told() const {
    return sentence_of<raptr::file_error>([&] { raptr::read_bpe(folder.path()); });
  }
  scratch_folder folder;
};
/// What is told when `from` is `to` in a file.
std::string told(const char* name, std::string_view from, std::string_view to) {
  const copied one(std::string_view(name) == "tokenizer.json");
  one.change(name, from, to);
  return one.told();
}

}  // namespace

TEST_CASE("both forms of a tokenizer are the same, and written files are read as the same") {
  const auto whole = raptr::read_bpe(stored / "tokenizer.json");
  const auto two = raptr::read_bpe(stored / "vocab.json");
  CHECK(whole.size() == 1000);
  CHECK(whole.name() == two.name());
  CHECK(raptr::read_bpe(stored / "merges.txt").name() == two.name());
  CHECK(raptr::read_bpe(stored).name() == two.name());

  const scratch_folder scratch;
  raptr::write_bpe(whole, scratch / "new/tokenizer");
  CHECK(raptr::read_bpe(scratch / "new/tokenizer/tokenizer.json").name() == whole.name());
  CHECK(raptr::read_bpe(scratch / "new/tokenizer/vocab.json").name() == whole.name());
  CHECK(raptr::read_file(scratch / "new/tokenizer/merges.txt") == raptr::read_file(stored / "merges.txt"));
  CHECK(raptr::read_json(scratch / "new/tokenizer/vocab.json").size() == 1000);
}

TEST_CASE("a line of merges.txt is a comment only as #version on line 1") {
  const copied one(false);
  const auto before = raptr::read_bpe(one.folder.path());
  const auto lines = raptr::read_file(one.folder / "merges.txt");
  REQUIRE(lines.starts_with("#version"));
  overwrite(one.folder / "merges.txt", lines.substr(lines.find('\n') + 1));
  CHECK(raptr::read_bpe(one.folder.path()).name() == before.name());
  one.change("merges.txt", "h e\n", "h e\n#version: 0.2\n");
  CHECK(has(one.told(), "merges.txt, line "));
  CHECK(has(one.told(), "\"#version:\" is not among the 1000 tokens of the vocabulary"));
}

TEST_CASE("merges with # are merges") {
  const scratch_folder scratch;
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(static_cast<unsigned char>(byte)));
  tokens.emplace_back("##");
  raptr::write_bpe(raptr::bpe_tokenizer({.tokens = tokens, .merges = {{'#', '#'}}}), scratch.path());
  fs::remove(scratch / "tokenizer.json");
  overwrite(scratch / "merges.txt", "# #\n");
  std::vector<std::int32_t> ids;
  raptr::read_bpe(scratch.path()).encode("##", ids);
  CHECK(ids == std::vector<std::int32_t>{256});
}

TEST_CASE("line ends of Windows and a last line without an end do not matter") {
  const copied one(false);
  const auto before = raptr::read_bpe(one.folder.path());
  std::string windows;
  for (const char c : raptr::read_file(one.folder / "merges.txt")) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  overwrite(one.folder / "merges.txt", windows);
  CHECK(raptr::read_bpe(one.folder.path()).name() == before.name());
  overwrite(one.folder / "merges.txt", windows.substr(0, windows.size() - 2));
  CHECK(raptr::read_bpe(one.folder.path()).name() == before.name());
}

TEST_CASE("ids with holes, twice, beyond the end or no numbers are told") {
  CHECK(has(told("vocab.json", "\"!\":1,", "\"!\":1000,"), "vocab.json, \"!\": expected an id of 0 to 999, as there are 1000 tokens, got 1000"));
  CHECK(has(told("vocab.json", "\"!\":1,", "\"!\":-1,"), "got -1"));
  CHECK(has(told("vocab.json", "\"!\":1,", "\"!\":2,"), "expected a unique id, got 2, the id of \"!\""));
  CHECK(has(told("vocab.json", "\"!\":1,", "\"!\":1.5,"), "\"!\": expected a whole number, got 1.5"));
  CHECK(has(told("vocab.json", "\"!\":1,", "\"!\":\"1\","), "\"!\": expected a whole number"));
  CHECK(has(told("vocab.json", "\"!\":1,", "\"!\":18446744073709551615,"), "\"!\": expected a whole number"));
  CHECK(has(told("vocab.json", "\"!\":1,", ""), "expected an id of 0 to 998, as there are 999 tokens, got 999"));
  CHECK(has(told("vocab.json", "\"!\":1,", "\"!\":1,\"!\":1,"), "the key \"!\" a second time"));
  CHECK(has(told("vocab.json", "\"!\":1,", "\"!!!!\":1,"), "none of the 1000 tokens is the single byte 33"));
}

TEST_CASE("merges that do not fit are told with their line") {
  CHECK(has(told("merges.txt", "h e\n", "h  e\n"), "expected two tokens with one space between them, got \"h  e\""));
  CHECK(has(told("merges.txt", "h e\n", "he\n"), "expected two tokens with one space between them, got \"he\""));
  CHECK(has(told("merges.txt", "h e\n", "\nh e\n"), "expected two tokens with one space between them, got \"\""));
  CHECK(has(told("merges.txt", "h e\n", "h e x\n"), "expected two tokens with one space between them"));
  CHECK(has(told("merges.txt", "h e\n", "h \xff\n"), "\"\\xff\" is not among the 1000 tokens of the vocabulary"));
  CHECK(has(told("merges.txt", "h e\n", "h e\nh e\n"), "joins \"h\" and \"e\", as number"));
  CHECK(has(told("merges.txt", "h e\n", "h e\nz z\n"), "makes \"zz\", which is not among the 1000 tokens"));
  CHECK(has(told("merges.txt", "#version: 0.2\n", "z z\n"), "merges.txt, line 1 makes \"zz\""));
}

TEST_CASE("a merge that is missing leaves its token without a maker, which the next merge tells") {
  CHECK(has(told("merges.txt", "h e\n", ""), "uses \"he\", which is neither a byte nor made by a merge"));
}

TEST_CASE("what would give other ids is refused in tokenizer.json") {
  const auto wrong = [](std::string_view from, std::string_view to) { return told("tokenizer.json", from, to); };
  CHECK(has(wrong("\"add_prefix_space\":false", "\"add_prefix_space\":true"), "\"add_prefix_space\": expected false"));
  CHECK(has(wrong("\"use_regex\":true", "\"use_regex\":false"), "\"use_regex\": expected true, as in GPT-2, got false"));
  CHECK(
      has(wrong("\"type\":\"ByteLevel\"", "\"type\":\"Metaspace\""),
          "\"pre_tokenizer\": expected \"ByteLevel\", as in GPT-2, or a \"Sequence\" of a Split and a ByteLevel, as in Llama 3, got \"Metaspace\""));
  CHECK(has(wrong("\"normalizer\":null", "\"normalizer\":{\"type\":\"NFC\"}"), "\"normalizer\": expected null, as in GPT-2"));
  CHECK(has(wrong("\"byte_fallback\":false", "\"byte_fallback\":true"), "\"byte_fallback\": expected false"));
  CHECK(has(wrong("\"dropout\":null", "\"dropout\":0.1"), "\"dropout\": expected null"));
  CHECK(has(wrong("\"end_of_word_suffix\":null", "\"end_of_word_suffix\":\"</w>\""), "\"end_of_word_suffix\": expected \"\""));
  CHECK(has(wrong("\"type\":\"BPE\"", "\"type\":\"Unigram\""), "\"type\": expected \"BPE\", got \"Unigram\""));
  CHECK(has(wrong("\"special\":true", "\"special\":false"), "expected special tokens only, got \"<|endoftext|>\", which plain text could produce"));
  CHECK(has(wrong("\"vocab\":{", "\"vocabulary\":{"), "\"vocab\": expected a value, got nothing"));
  CHECK(has(wrong("\"merges\":[", "\"merges\":[5,"), "tokenizer.json, merge 0: expected two tokens"));
  CHECK(has(wrong("\"merges\":[", "\"merges\":[[\"a\"],"), "tokenizer.json, merge 0: expected two tokens"));
}

TEST_CASE("special tokens beside the vocabulary get the ids after it") {
  const copied one(true);
  one.change("tokenizer.json", "\"added_tokens\":[", R"("added_tokens":[{"id":1000,"content":"<mask>","special":true},)");
  const auto tokens = raptr::read_bpe(one.folder.path());
  CHECK(tokens.vocabulary() == raptr::vocabulary{.size = 1001, .end_of_text = 0, .mask = 1000});
  one.change("tokenizer.json", "\"id\":1000", "\"id\":1001");
  CHECK(has(one.told(), "\"<mask>\": expected an id of 0 to 1000, as there are 1001 tokens, got 1001"));
}

TEST_CASE("the kind of a tokenizer follows from its files") {
  CHECK(std::holds_alternative<raptr::bpe_tokenizer>(raptr::read_tokenizer(stored)));
  CHECK(std::holds_alternative<raptr::bpe_tokenizer>(raptr::read_tokenizer(stored / "merges.txt")));
  CHECK(std::holds_alternative<raptr::wordpiece_tokenizer>(raptr::read_tokenizer(fixtures::folder() / "wordpiece")));
  CHECK(std::holds_alternative<raptr::wordpiece_tokenizer>(raptr::read_tokenizer(fixtures::folder() / "wordpiece" / "vocab.txt")));
  CHECK(has(sentence_of<raptr::file_error>([&] { raptr::read_tokenizer(fixtures::folder()); }),
            "contains no tokenizer: neither tokenizer.json nor vocab.json (with merges.txt) nor vocab.txt"));
  CHECK(has(sentence_of<raptr::file_error>([&] { raptr::read_tokenizer("/no/such"); }), "cannot open /no/such"));
}

TEST_CASE("a tokenizer.json and the vocab.json and merges.txt beside it are one tokenizer, or are refused with both names") {
  copied one(true);
  const auto beside = [&](const char* name) { return one.folder / name; };
  const auto fresh = [&] {
    for (const char* const name : {"vocab.json", "merges.txt"}) fs::copy_file(stored / name, beside(name), fs::copy_options::overwrite_existing);
  };
  fresh();
  const auto whole = raptr::read_bpe(stored / "tokenizer.json").name();
  CHECK(raptr::read_bpe(one.folder.path()).name() == whole);

  const auto lines = raptr::read_file(stored / "merges.txt");
  const auto first = lines.find('\n') + 1, second = lines.find('\n', first) + 1, third = lines.find('\n', second) + 1;
  const std::string a = lines.substr(first, second - first - 1), b = lines.substr(second, third - second - 1);
  overwrite(beside("merges.txt"), lines.substr(0, first) + b + "\n" + a + "\n" + lines.substr(third));
  const auto both = [&](const char* file) { return has(one.told(), beside(file).native()) && has(one.told(), beside("tokenizer.json").native()); };
  CHECK(both("merges.txt"));
  CHECK(has(one.told(), "merges.txt, line 2: expected \"" + a + "\", as in "));
  CHECK(has(sentence_of<raptr::file_error>([&] { raptr::read_tokenizer(one.folder.path()); }), "got \"" + b + "\""));
  overwrite(beside("merges.txt"), lines.substr(0, third));  // of another size
  CHECK(both("merges.txt"));
  overwrite(beside("merges.txt"), lines + "a a\n");
  CHECK(both("merges.txt"));
  overwrite(beside("merges.txt"), lines.substr(first));  // without #version
  CHECK(one.told() == "nothing was thrown");

  fresh();
  one.change("vocab.json", "\"!\":1,\"\\\"\":2", "\"!\":2,\"\\\"\":1");
  CHECK(both("vocab.json"));
  CHECK(has(one.told(), "vocab.json, \"!\": expected 1, as in "));
  fresh();
  one.change("vocab.json", "\"!\":1,", "");  // its own reader would refuse the gap
  CHECK(both("vocab.json"));
  fresh();
  one.change("vocab.json", "{", "{\"brand new\":1000,");
  CHECK(both("vocab.json"));
  fresh();
  fs::remove(beside("merges.txt"));  // one of them alone is compared too
  CHECK(one.told() == "nothing was thrown");
  one.change("vocab.json", "\"!\":1,\"\\\"\":2", "\"!\":2,\"\\\"\":1");
  CHECK(both("vocab.json"));

  // Special tokens may stand in tokenizer.json alone; a file that is named is read as it is.
  fresh();
  one.change("vocab.json", "\"<|endoftext|>\":0,", "");
  CHECK(one.told() == "nothing was thrown");
  fresh();
  overwrite(beside("merges.txt"), lines.substr(0, first) + b + "\n" + a + "\n" + lines.substr(third));
  CHECK(raptr::read_bpe(beside("vocab.json")).name() != whole);
}

TEST_CASE("the bytes as a BPE are read as the bytes, unless a file gives them other roles") {
  const scratch_folder in;
  raptr::write_bpe(raptr::bytes_as_bpe(), in.path());
  const auto is_bytes = [&] { return std::holds_alternative<raptr::byte_tokenizer>(raptr::read_tokenizer(in.path())); };
  CHECK(is_bytes());
  CHECK(std::holds_alternative<raptr::byte_tokenizer>(raptr::read_tokenizer(in / "vocab.json")));
  overwrite(in / "tokenizer_config.json", R"({"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"})");  // as a fine-tuning leaves it
  CHECK(is_bytes());
  overwrite(in / "tokenizer_config.json", R"({"eos_token": "<|padding|>"})");
  CHECK_FALSE(is_bytes());
  CHECK(std::visit([](const auto& t) { return t.vocabulary().end_of_text; }, raptr::read_tokenizer(in.path())) == 258);
  overwrite(in / "tokenizer_config.json", R"({"mask_token": "<|padding|>"})");
  CHECK_FALSE(is_bytes());
  overwrite(in / "tokenizer_config.json", R"({"additional_special_tokens": ["<|more|>"]})");
  overwrite(in / "added_tokens.json", R"({"<|more|>": 259})");
  CHECK_FALSE(is_bytes());
}
