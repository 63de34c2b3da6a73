// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <raptr/data/documents.hpp>
#include <raptr/tokenizers/bpe_trainer.hpp>
#include <raptr/tokenizers/cut_points.hpp>
#include <raptr/tokenizers/wordpiece.hpp>

#include "scratch_folder.hpp"

using raptr::documents;

namespace {

struct gathered {
  std::vector<std::string> texts;
  std::size_t parts = 0;
  raptr::text_report report;
};
gathered in_blocks(const std::filesystem::path& file, documents split, std::size_t block) {
  gathered all;
  bool open = false;
  all.report = raptr::read_document_parts(
      raptr::find_texts({file}), split,
      [&](std::string_view part, bool ends) {
        if (!open) all.texts.emplace_back();
        all.texts.back() += part;
        open = !ends;
        ++all.parts;
      },
      block);
  CHECK(!open);
  return all;
}
gathered whole(const std::filesystem::path& file, documents split) {
  gathered all;
  all.report = raptr::read_documents(raptr::find_texts({file}), split,
                                     [&](std::string_view document, const std::filesystem::path&) { all.texts.emplace_back(document); });
  return all;
}

const std::vector<std::string> hard_texts = {
    "\xef\xbb\xbf"
    "one\n\ntwo\r\n\r\nthree  \n \n\n\n\nfour",
    "don't 'stop  it\t\t12 345\xe3\x80\x80\n\xe3\x80\x80 x\xc2\x85\n y \xff \xc3\n\xe2\x82",
    "\r",
    "\r\n",
    "\n\r\n\r",
    "a\r",
    "a\r\n\r\n",
    "  \n  a  ",
    "a\n \t\xc2\xa0\xe3\x80\x80\r\nb\n\xe3\x80\x80\xe3\x80\x81\n\xc2\xa0\n \r",
    "a\n   \n   \n   b\n\xe3\x80\n \xc2\n\xe3\x80\x80",
    " \t  \r\n\r\n  ",
    "\xef\xbb",
    "\xef\xbb\xbf",
    "\xc3\n\n\xa9",
    "ab\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9 cd\xf0\x9f\x91",
    "e\xcc\x81 \xcc\x81\n\xcc\x81 Q\xcc\x87\xcc\xa3 \xcc\xa3\xcc\x87",
};

}  // namespace

TEST_CASE("documents that come in blocks of any size are those of the whole file, and so is the report") {
  const scratch_folder in;
  for (const auto& text : hard_texts) {
    overwrite(in / "a", text);
    for (const auto split : {documents::whole_file, documents::blank_line}) {
      CAPTURE(text);
      raptr::text_report expected;
      std::vector<std::string> documents;
      const auto said = sentence_of([&] {
        const auto all = whole(in / "a", split);
        documents = all.texts, expected = all.report;
      });
      for (std::size_t block = 1; block <= text.size() + 1; ++block) {
        gathered all;
        CHECK(sentence_of([&] { all = in_blocks(in / "a", split, block); }) == said);
        CHECK(all.texts == documents);
        CHECK(all.report.documents == expected.documents);
        CHECK(all.report.bytes == expected.bytes);
        CHECK(all.report.hash == expected.hash);
        CHECK(all.report.byte_order_marks == expected.byte_order_marks);
        CHECK(all.report.files_not_utf8 == expected.files_not_utf8);
        CHECK(all.report.byte_not_utf8 == expected.byte_not_utf8);
      }
    }
  }
}

TEST_CASE("the ids of both sides of a safe cut are those of the whole") {
  raptr::bpe_trainer trainer;
  for (const auto& text : hard_texts) trainer.add(text + text);
  trainer.add("the cat's hat, the rat's  mat \n\n the  end don't don't 12 12 345 345");
  const auto bpe = trainer.train(290);
  auto model = bpe.model();
  model.splitting = raptr::bpe_splitting::llama3;
  const raptr::bpe_tokenizer llama3(std::move(model));
  const raptr::wordpiece_tokenizer words({"[UNK]", "one", "two", "##r", "a", "don", "'", "t", "e", "q", "x", "y", "12"});
  std::string all;
  for (const auto& text : hard_texts) all += text + " the cat's  hat\n\n";
  std::size_t cuts = 0;
  for (std::size_t size = all.size(); size > 0; --size) {
    const std::string_view text(all.data(), size);
    const auto cut = raptr::last_safe_cut(text);
    REQUIRE(cut < size);
    if (cut == 0) continue;
    ++cuts;
    const auto same = [&](const auto& tokens) {
      std::vector<std::int32_t> once, twice;
      tokens.encode(text, once);
      tokens.encode(text.substr(0, cut), twice);
      tokens.encode(text.substr(cut), twice);
      return once == twice;
    };
    CHECK(same(bpe));
    CHECK(same(llama3));
    CHECK(same(words));
  }
  CHECK(cuts > 200);
}

TEST_CASE("a safe cut stands in front of a blank that follows something else, nowhere inside blanks, and not between a sign and its line end") {
  CHECK(raptr::last_safe_cut("ab cd") == 2);
  CHECK(raptr::last_safe_cut("ab  cd") == 2);
  CHECK(raptr::last_safe_cut("ab \n\tcd") == 2);
  CHECK(raptr::last_safe_cut("ab cd ef") == 5);
  CHECK(raptr::last_safe_cut("ab cd ef", 6) == 0);
  CHECK(raptr::last_safe_cut(" abcd") == 0);
  CHECK(raptr::last_safe_cut("") == 0);
  CHECK(raptr::last_safe_cut("\xe6\xbc\xa2\n") == 3);
  CHECK(raptr::last_safe_cut("\xe3\x80\x80\n") == 0);  // an ideographic space is one
  CHECK(raptr::last_safe_cut("a\xc2\xa0 b") == 0);     // and so is one that does not break
  CHECK(raptr::last_safe_cut("\xff b") == 1);
  CHECK(raptr::last_safe_cut("ab.\nc") == 0);  // Llama 3 has ".\n" as one
  CHECK(raptr::last_safe_cut("ab.\n\xff\r\n") == 0);
  CHECK(raptr::last_safe_cut("ab2\r\nc") == 3);
}

TEST_CASE("a long document comes in many parts, and a word is never cut") {
  const scratch_folder in;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "word" + std::to_string(i) + " ";
  overwrite(in / "a", text);
  const auto all = in_blocks(in / "a", documents::whole_file, 64);
  CHECK(all.texts == std::vector{text});
  CHECK(all.parts > 50);
  CHECK(all.report.documents == 1);
  overwrite(in / "b", std::string(5000, 'x'));
  CHECK(in_blocks(in / "b", documents::whole_file, 64).parts == 1);
}

TEST_CASE("a blank line of any length is read once, and held only until its end decides") {
  const scratch_folder in;
  const std::string blanks(3'000'000, ' ');
  overwrite(in / "a", "one\n" + blanks + "\ntwo\n" + blanks + "three");
  const auto all = in_blocks(in / "a", documents::blank_line, 1000);
  CHECK(all.texts == std::vector<std::string>{"one\n", "two\n" + blanks + "three"});
}

TEST_CASE("a gzip file is refused before anything is handed on") {
  const scratch_folder in;
  overwrite(in / "a.gz", "\x1f\x8b\x08 and more");
  CHECK(has(sentence_of([&] { in_blocks(in / "a.gz", documents::whole_file, 1); }), "is a gzip file"));
}

TEST_CASE("a file that becomes shorter while it is read in parts is an error, wherever it is cut") {
  const scratch_folder in;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "word" + std::to_string(i) + " ";
  for (const std::size_t left : {std::size_t{0}, std::size_t{1}, std::size_t{100}, std::size_t{4096}, text.size() - 1}) {
    overwrite(in / "a", text);
    int parts = 0;
    const auto said = sentence_of([&] {
      raptr::read_document_parts(
          {{in / "a"}, {}}, documents::whole_file,
          [&](std::string_view, bool) {
            if (++parts == 2) std::filesystem::resize_file(in / "a", left);
          },
          64);
    });
    CHECK(has(said, (in / "a").native() + " became shorter while it was read: it had " + std::to_string(text.size()) + " bytes, and ends after "));
  }
}

TEST_CASE("a file that grows while it is read in parts is read to its end") {
  const scratch_folder in;
  overwrite(in / "a", std::string(1000, ' ') + std::string(1000, 'x'));
  std::size_t bytes = 0;
  raptr::read_document_parts(
      {{in / "a"}, {}}, documents::whole_file,
      [&](std::string_view part, bool) {
        if (bytes == 0) std::filesystem::resize_file(in / "a", 3000);
        bytes += part.size();
      },
      64);
  CHECK(bytes >= 2000);
}
