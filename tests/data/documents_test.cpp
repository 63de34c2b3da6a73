// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <sys/stat.h>

#include <string>
#include <vector>

#include <raptr/data/documents.hpp>

#include "scratch_folder.hpp"

using raptr::documents;
using strings = std::vector<std::string>;
using paths = std::vector<std::filesystem::path>;

namespace {

strings split(std::string_view text, documents by = documents::blank_line) {
  strings found;
  raptr::split_documents(text, by, [&](std::string_view document) { found.emplace_back(document); });
  return found;
}

struct gathered {
  strings texts;
  raptr::text_report report;
};
gathered gather(const paths& from, documents by = documents::whole_file) {
  gathered all;
  all.report = raptr::read_documents(raptr::find_texts(from), by,
                                     [&](std::string_view document, const std::filesystem::path&) { all.texts.emplace_back(document); });
  return all;
}

}  // namespace

TEST_CASE("blank lines separate documents, with either kind of line end") {
  CHECK(split("a\nb\n\nc\n") == strings{"a\nb\n", "c\n"});
  CHECK(split("a\r\nb\r\n\r\n\nc") == strings{"a\r\nb\r\n", "c"});
  CHECK(split("\n\n\na") == strings{"a"});
  CHECK(split("a\n\n\n\r\n") == strings{"a\n"});
  CHECK(split("a") == strings{"a"});
  CHECK(split("\r") == strings{"\r"});  // no line end
  CHECK(split("\n\r\n").empty());
  CHECK(split("").empty());
}

TEST_CASE("a line of spaces, tabs, U+00A0 and U+3000 is blank, and belongs to no document") {
  CHECK(split("first line\n \nsecond document\n\t\nthird\n\n fourth\n") == strings{"first line\n", "second document\n", "third\n", " fourth\n"});
  CHECK(split("a\r\n \r\nb") == strings{"a\r\n", "b"});
  CHECK(split("a\n\xc2\xa0\nb\n\xe3\x80\x80\xe3\x80\x80\nc") == strings{"a\n", "b\n", "c"});
  CHECK(split(" \t\xc2\xa0 \xe3\x80\x80\n\t\r\na\n  \n\n\t\nb\n") == strings{"a\n", "b\n"});
  CHECK(split("a\n   ") == strings{"a\n"});  // the last line has no end
  CHECK(split("a\n\xe3\x80\x80") == strings{"a\n"});
  CHECK(split(" \n\t\n").empty());
  CHECK(split("  a  \n\tb\n\xe3\x80\x80"
              "c\n") == strings{"  a  \n\tb\n\xe3\x80\x80"
                                "c\n"});                                                            // indented lines keep their blanks
  CHECK(split("a\n\xe3\x80\x81\nb\n\xc2\xa1\nc") == strings{"a\n\xe3\x80\x81\nb\n\xc2\xa1\nc"});    // characters that begin like blanks
  CHECK(split("a\n \xe3\x80\nb\n\xc2\nc") == strings{"a\n \xe3\x80\nb\n\xc2\nc"});                  // the first bytes of blanks
  CHECK(split("a\n\v\nb\n\f\nc\n\xe2\x80\x83\nd") == strings{"a\n\v\nb\n\f\nc\n\xe2\x80\x83\nd"});  // other spaces are text
  CHECK(split("a\n  \n b", documents::whole_file) == strings{"a\n  \n b"});
}

TEST_CASE("a file is one document unless asked otherwise") {
  CHECK(split("a\n\nb", documents::whole_file) == strings{"a\n\nb"});
  CHECK(split("", documents::whole_file).empty());
}

TEST_CASE("files come in the order given, a folder's in the order of the bytes of their names") {
  const scratch_folder in;
  std::filesystem::create_directories(in / "d/sub.txt");
  for (const std::string name : {"b.txt", "B.txt", "\xc3\xbc.txt", "a10.txt", "a9.txt", "\xff.txt"}) raptr::write_file(in / "d" / name, name);
  raptr::write_file(in / "d/notes.md", "x");
  raptr::write_file(in / "first", "first");
  const auto all = gather({in / "first", in / "d", in / "first"});
  CHECK(all.texts == strings{"first", "B.txt", "a10.txt", "a9.txt", "b.txt", "\xc3\xbc.txt", "\xff.txt", "first"});
  CHECK(all.report.skipped == paths{in / "d/notes.md", in / "d/sub.txt"});
  CHECK(all.report.files == 8);
  CHECK(all.report.documents == 8);
  CHECK(all.report.bytes == 5 + 5 + 7 + 6 + 5 + 6 + 5 + 5);
}

TEST_CASE("file names are bytes: spaces, letters outside ASCII, line ends") {
  const scratch_folder in;
  std::filesystem::create_directory(in / "a b");
  for (const std::string name : {"a b/\xc3\xbc \xe6\xbc\xa2.txt", "line\nend", "\xff"}) {
    raptr::write_file(in / name, "text");
    CHECK(gather({in / name}).texts == strings{"text"});
  }
}

TEST_CASE("a byte order mark is dropped at the start of each file, counted, and nowhere else") {
  const scratch_folder in;
  raptr::write_file(in / "a.txt", "\xef\xbb\xbfone");
  raptr::write_file(in / "b.txt", "\xef\xbb\xbftwo \xef\xbb\xbf.");
  raptr::write_file(in / "c.txt", "\xef\xbb\xbf");
  const auto all = gather({in.path()});
  CHECK(all.texts == strings{"one", "two \xef\xbb\xbf."});
  CHECK(all.report.byte_order_marks == 3);
  CHECK(all.report.empty_files == 1);
}

TEST_CASE("NUL bytes and bytes that are not UTF-8 are text") {
  const scratch_folder in;
  const std::string text("ab\0cd\xff", 6);
  raptr::write_file(in / "a", text);
  CHECK(gather({in / "a"}).texts == strings{text});
  CHECK(gather({in / "a"}, documents::blank_line).report.bytes == 6);
}

TEST_CASE("the first byte that is not UTF-8 is told with its file, counted from the begin of the file") {
  const scratch_folder scratch;
  overwrite(scratch / "a.txt", "\xef\xbb\xbfgood \xc3\xa9");
  overwrite(scratch / "b.txt", "\xef\xbb\xbfone\n\ntwo\xff\n\n\xfe");
  overwrite(scratch / "c.txt", "\xc3");
  const auto report = gather({scratch.path()}, documents::blank_line).report;
  CHECK(report.files_not_utf8 == 2);
  CHECK(report.first_not_utf8 == scratch / "b.txt");
  CHECK(report.byte_not_utf8 == 11);
  CHECK(gather({scratch / "a.txt"}).report.files_not_utf8 == 0);
}

TEST_CASE("empty files are counted and skipped; nothing but empty ones is an error") {
  const scratch_folder in;
  raptr::write_file(in / "a.txt", "");
  raptr::write_file(in / "b.txt", "text");
  raptr::write_file(in / "c.txt", "");
  const auto all = gather({in.path()});
  CHECK(all.texts == strings{"text"});
  CHECK(all.report.empty_files == 2);
  CHECK(all.report.files == 3);
  const auto said = sentence_of([&] { gather({in / "a.txt", in / "c.txt"}); });
  CHECK(has(said, "the text is empty: 2 files without a document, the first is " + (in / "a.txt").native()));
  raptr::write_file(in / "blank", "\n\r\n\n");
  CHECK(has(sentence_of([&] { gather({in / "blank"}, documents::blank_line); }), "the text is empty: 1 file without"));
}

TEST_CASE("what cannot be read is told: nothing given, missing, a folder without text, gzip") {
  const scratch_folder in;
  CHECK(has(sentence_of<raptr::input_error>([&] { gather({}); }), "no text was given"));
  CHECK(has(sentence_of([&] { gather({in / "none"}); }), "cannot read the text " + (in / "none").native() + ": No such file or directory"));
  CHECK(has(sentence_of([&] { gather({in.path()}); }), "contains no text: none of its 0 entries is a file with a name that ends in .txt"));
  raptr::write_file(in / "train.txt.gz", "\x1f\x8b\x08");
  CHECK(has(sentence_of([&] { gather({in.path()}); }), "none of its 1 entries is a file with a name that ends in .txt (one of them: train.txt.gz)"));
  CHECK(has(sentence_of([&] { gather({in / "train.txt.gz"}); }),
            "unpack it, as with gunzip <'" + (in / "train.txt.gz").native() + "' >NEW, and give the new file"));
}

TEST_CASE("the hash tells another text, another order and other borders") {
  const scratch_folder in;
  raptr::write_file(in / "a", "one");
  raptr::write_file(in / "b", "two");
  raptr::write_file(in / "on", "on");
  raptr::write_file(in / "etwo", "etwo");
  raptr::write_file(in / "c", "twp");
  const auto hash = [&](const paths& from) { return gather(from).report.hash; };
  const auto reference = hash({in / "a", in / "b"});
  CHECK(reference == hash({in / "a", in / "b"}));
  CHECK(reference != hash({in / "b", in / "a"}));
  CHECK(reference != hash({in / "on", in / "etwo"}));
  CHECK(reference != hash({in / "a", in / "c"}));
  CHECK(reference != hash({in / "a"}));
}
