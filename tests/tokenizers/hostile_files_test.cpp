// SPDX-License-Identifier: Apache-2.0
// Files of tokenizers that mean one thing to one reader and another thing to another one, or nothing good to anybody.
#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <raptr/data/documents.hpp>
#include <raptr/tokenizers/bpe_trainer.hpp>
#include <raptr/tokenizers/tokenizer_files.hpp>

#include "scratch_folder.hpp"

namespace {

namespace fs = std::filesystem;

std::vector<std::string> all_bytes() {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(static_cast<unsigned char>(byte)));
  return tokens;
}
/// A small tokenizer.json, or its vocab.json and merges.txt, to be changed.
struct small_tokenizer {
  small_tokenizer() {
    auto tokens = all_bytes();
    tokens.insert(tokens.end(), {"he", "<|endoftext|>"});
    raptr::write_bpe(raptr::bpe_tokenizer({.tokens = tokens, .merges = {{'h', 'e'}}}), folder.path());
  }
  /// What is said of tokenizer.json with these added tokens.
  std::string told(const std::string& added) const {
    auto whole = raptr::read_json(folder / "tokenizer.json");
    whole["added_tokens"] = raptr::parse_json("[" + added + "]", "added");
    overwrite(folder / "tokenizer.json", raptr::json_text(whole));
    return sentence_of([&] { raptr::read_bpe(folder / "tokenizer.json"); });
  }
  std::string told_of_merges(const std::string& merges) const {
    overwrite(folder / "merges.txt", merges);
    return sentence_of([&] { raptr::read_bpe(folder / "vocab.json"); });
  }
  scratch_folder folder;
};
std::string told_of_vocabulary(const std::string& lines) {
  const scratch_folder in;
  overwrite(in / "vocab.txt", lines);
  return sentence_of([&] { raptr::read_wordpiece(in / "vocab.txt"); });
}

}  // namespace

TEST_CASE("a byte order mark is no part of the first token, and is told") {
  CHECK(has(told_of_vocabulary("\xef\xbb\xbf[UNK]\na\n"), "vocab.txt, byte 0: expected a file without byte order mark, got ef bb bf"));
  const small_tokenizer one;
  CHECK(has(one.told_of_merges("\xef\xbb\xbf#version: 0.2\nh e\n"), "merges.txt, byte 0: expected a file without byte order mark"));
}

TEST_CASE("a carriage return alone is a line end for some and a letter for others, and is told") {
  CHECK(told_of_vocabulary("[UNK]\r\na\r\n") == "nothing was thrown");
  CHECK(has(told_of_vocabulary("[UNK]\na\rb\n"), "vocab.txt, byte 7: expected lines that end with \\n or \\r\\n, got \\r alone in line 2"));
  CHECK(has(told_of_vocabulary("[UNK]\na\r\r\n"), "got \\r alone in line 2"));
  const small_tokenizer one;
  CHECK(has(one.told_of_merges("h e\rh e\n"), "merges.txt, byte 3: expected lines that end with \\n or \\r\\n, got \\r alone in line 1"));
}

TEST_CASE("empty lines may stand at the end of merges.txt and nowhere else") {
  const small_tokenizer one;
  CHECK(one.told_of_merges("#version: 0.2\nh e\n\r\n\n") == "nothing was thrown");
  CHECK(has(one.told_of_merges("#version: 0.2\n\n\nh e\n"), "merges.txt, line 2: expected two tokens with one space between them, got \"\""));
  CHECK(has(one.told_of_merges("h e\n#version: 0.2\n"), "merges.txt, line 2: \"#version:\" is not among the 258 tokens"));
}

TEST_CASE("an added token is given once, is not what a merge makes, and spells itself") {
  const small_tokenizer one;
  const std::string end = R"({"id":257,"content":"<|endoftext|>","special":true})";
  CHECK(one.told(end) == "nothing was thrown");
  CHECK(one.told(end + R"(,{"id":258,"content":"<mask>","special":true})") == "nothing was thrown");
  CHECK(has(one.told(R"({"id":258,"content":"<mask>","special":true},{"id":259,"content":"<mask>","special":true})"),
            "\"<mask>\": expected one id, got 258 and 259"));
  CHECK(has(one.told(R"({"id":256,"content":"he","special":true})"), "expected tokens that are neither a byte nor made by a merge, got \"he\""));
  CHECK(
      has(one.told(R"({"id":258,"content":"é","special":true})"), "expected names that the byte alphabet does not decode to other bytes, got \"é\""));
}

TEST_CASE("a token that no merge makes is written so that the same bytes are read") {
  // "é" as bytes is a name that the alphabet of bytes reads as the byte e9; "\xff" is no UTF-8; "a b" has a space.
  auto tokens = all_bytes();
  tokens.insert(tokens.end(), {"\xc3\xa9", "\xff\xff", "a b", "\xc4\xa0", "<pad>"});
  const raptr::bpe_tokenizer before({.tokens = tokens});
  const scratch_folder in;
  raptr::write_bpe(before, in.path());
  for (const char* const name : {"tokenizer.json", "vocab.json"}) {
    const auto after = raptr::read_bpe(in / name);
    CHECK(after.name() == before.name());
    CHECK(after.specials() == before.specials());
    CHECK(after.vocabulary() == before.vocabulary());
  }
}

TEST_CASE("many added tokens cost no time that grows with their square") {
  const small_tokenizer one;
  auto whole = raptr::read_json(one.folder / "tokenizer.json");
  auto& vocab = whole["model"]["vocab"].get_ref<raptr::json::object_t&>();
  auto& added = whole["added_tokens"];
  for (int i = 258; i < 60'000; ++i) {
    const auto name = "<|" + std::to_string(i) + "|>";
    vocab.emplace_back(name, i);
    added.push_back({{"id", i}, {"content", name}, {"special", true}});
  }
  overwrite(one.folder / "tokenizer.json", raptr::json_text(whole, -1));
  CHECK(raptr::read_bpe(one.folder / "tokenizer.json").specials().size() == 60'000 - 257);
}

TEST_CASE("a text that is not there, is empty or is none has its own sentence") {
  const scratch_folder in;
  const auto read = [&](const fs::path& path) {
    return sentence_of(
        [&] { raptr::read_documents(raptr::find_texts({path}), raptr::documents::blank_line, [](std::string_view, const fs::path&) {}); });
  };
  CHECK(has(read(in.path()), " contains no text: none of its 0 entries is a file with a name that ends in .txt"));
  overwrite(in / "a.md", "text");
  CHECK(has(read(in.path()), " contains no text: none of its 1 entries is a file with a name that ends in .txt (one of them: a.md)"));
  overwrite(in / "a.txt", "");
  CHECK(has(read(in / "a.txt"), "the text is empty: 1 file without a document, the first is " + (in / "a.txt").native()));
  overwrite(in / "a.txt", "\n\r\n\n");
  CHECK(has(read(in.path()), "the text is empty: 1 file without a document"));
  overwrite(in / "a.txt", "\xef\xbb\xbf");
  CHECK(has(read(in.path()), "the text is empty"));
  CHECK(has(read(in / "b.txt"), "cannot read the text "));
}

TEST_CASE("what stands behind a NUL byte is text like what stands before it") {
  const scratch_folder in;
  const std::string text("ab\0cd", 5);
  overwrite(in / "a.txt", text);
  std::string read;
  const auto report = raptr::read_documents(raptr::find_texts({in / "a.txt"}), raptr::documents::blank_line,
                                            [&](std::string_view document, const fs::path&) { read += document; });
  CHECK(read == text);
  CHECK(report.bytes == 5);
  const small_tokenizer small;
  std::vector<std::int32_t> ids;
  raptr::byte_tokenizer().encode(text, ids);
  CHECK(ids.size() == 5);
  ids.clear();
  const auto tokens = raptr::read_bpe(small.folder.path());
  tokens.encode(text, ids);
  CHECK(tokens.decode(ids) == text);
}

TEST_CASE("one bad byte in the midst of a corpus is kept, and told with its place") {
  const scratch_folder in;
  std::string text;
  while (text.size() < 1'000'000) text += "good text ";
  text[500'000] = '\xff';
  overwrite(in / "a.txt", text);
  raptr::bpe_trainer trainer;
  const auto report = raptr::read_documents(raptr::find_texts({in / "a.txt"}), raptr::documents::blank_line,
                                            [&](std::string_view document, const fs::path&) { trainer.add(document); });
  CHECK(report.bytes == 1'000'000);
  CHECK(report.files_not_utf8 == 1);
  CHECK(report.first_not_utf8 == in / "a.txt");
  CHECK(report.byte_not_utf8 == 500'000);
  const auto tokens = trainer.train(260);
  std::vector<std::int32_t> ids;
  tokens.encode(text, ids);
  CHECK(tokens.decode(ids) == text);
}
