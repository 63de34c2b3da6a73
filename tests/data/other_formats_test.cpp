// SPDX-License-Identifier: Apache-2.0
// Files of another format, given as a text or as a shard, are refused by the name of the format; what merely looks like one is read.
#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <raptr/data/documents.hpp>
#include <raptr/data/sharded_tokens.hpp>

#include "scratch_folder.hpp"

namespace {

using namespace std::string_view_literals;
using raptr::shard_format;

/// The beginning of a real file of the format, and its name in the message.
constexpr std::array formats{
    std::pair{"\xff\xfex\0i\0n\0 \0c\0h\0"sv, "a UTF-16 text"},
    std::pair{"\xfe\xff\0x\0i\0n\0 \0c\0h"sv, "a UTF-16 text"},
    std::pair{"\xff\xfe\0\0x\0\0\0i\0\0\0"sv, "a UTF-32 text"},
    std::pair{"\0\0\xfe\xff\0\0\0x\0\0\0i"sv, "a UTF-32 text"},
    std::pair{"\x1f\x8b\x08\0\0\0\0\0\0\x03"sv, "a gzip file"},
    std::pair{"\xfd\x37zXZ\0\0\x04\xe6\xd6\xb4\x46"sv, "an xz file"},
    std::pair{"BZh91AY&SY\x94\x60"sv, "a bzip2 file"},
    std::pair{"BZh9\x17\x72\x45\x38\x50\x90\0\0"sv, "a bzip2 file"},  // of nothing
    std::pair{"\x28\xb5\x2f\xfd\x24\x03\x19\0"sv, "a zstd file"},
    std::pair{"\x50\x2a\x4d\x18\x04\0\0\0\0\0\0\0"sv, "a zstd file"},  // as pzstd begins one
    std::pair{"\x04\x22\x4d\x18\x64\x40\xa7\x06"sv, "an lz4 file"},
    std::pair{"PK\x03\x04\x14\0\0\0\x08\0\0\0"sv, "a zip file"},
    std::pair{"PK\x05\x06\0\0\0\0\0\0\0\0"sv, "a zip file"},  // of nothing
    std::pair{"7z\xbc\xaf\x27\x1c\0\x04"sv, "a 7z file"},
    std::pair{"PAR1\x15\x04\x15\x90\x4e\x15\x86"sv, "a Parquet file"},
    std::pair{"ARROW1\0\0\xff\xff\xff\xff"sv, "an Arrow file"},
    std::pair{"\xff\xff\xff\xff\x58\x01\0\0\x10\0\0\0"sv, "an Arrow file"},  // a stream, as the datasets package keeps it
    std::pair{"\x93NUMPY\x01\0\x76\0{'"sv, "a NumPy file"},
    std::pair{"\x89HDF\r\n\x1a\n\0\0\0\0"sv, "an HDF5 file"},
    std::pair{"MMIDIDX\0\0\x01\0\0\0\0\0\0\0\x08"sv, "a Megatron index"},
    std::pair{"LITPKDS\x01\0\0\0\0\0\0\0\x08\x01"sv, "a litgpt shard"},
};

std::string said_of_text(const std::filesystem::path& file, std::string_view bytes) {
  overwrite(file, bytes);
  return sentence_of([&] { raptr::read_documents({{file}, {}}, raptr::documents::whole_file, [](auto, const auto&) {}); });
}
std::string said_of_parts(const std::filesystem::path& file) {
  return sentence_of([&] {
    raptr::read_document_parts(
        {{file}, {}}, raptr::documents::blank_line, [](auto, bool) {}, 1);
  });
}
std::string said_of_shard(const std::filesystem::path& file, std::string_view bytes, shard_format format, int vocabulary = 50'257) {
  overwrite(file, bytes);
  return sentence_of([&] { (void)raptr::sharded_tokens({file}, {.size = vocabulary}, format).hash(); });
}

}  // namespace

TEST_CASE("a text of another format is refused by its name, read whole and in parts") {
  const scratch_folder in;
  for (const auto& format : formats) {
    const auto bytes = format.first;
    const auto name = format.second;
    CAPTURE(name);
    CHECK(has(said_of_text(in / "a.txt", bytes), "a.txt is " + std::string(name) + " (it begins with the bytes "));
    CHECK(said_of_parts(in / "a.txt") == said_of_text(in / "a.txt", bytes));
    CHECK(has(said_of_text(in / "a.txt", std::string(bytes) + std::string(5000, '\n')), "a.txt is " + std::string(name)));
  }
}

TEST_CASE("a shard of another format is refused by its name in both formats of shards") {
  const scratch_folder in;
  for (const auto& other : formats) {
    std::string bytes(other.first);
    const auto name = other.second;
    bytes.resize(2048, '\1');
    CAPTURE(name);
    for (const auto format : {shard_format::llm_c, shard_format::nanogpt})
      CHECK(has(said_of_shard(in / "a.bin", bytes, format), "a.bin is " + std::string(name)));
  }
}

TEST_CASE("the message tells the bytes and what to do, in words for a shell") {
  const scratch_folder in;
  const auto it = in / "it's.txt";
  CHECK(said_of_text(it, "\xfd\x37zXZ\0\0"sv) ==
        "raptr: " + it.native() + " is an xz file (it begins with the bytes fd 37 7a 58 5a 00), not plain text: unpack it, as with unxz <'" +
            in.path().native() + "/it'\\''s.txt' >NEW, and give the new file");
  CHECK(has(said_of_text(in / "a", "\xff\xfe"sv), "convert it, as with iconv -f UTF-16 -t UTF-8 <'" + (in / "a").native() + "' >NEW, and"));
  CHECK(has(said_of_text(in / "a", "\x93NUMPY\x01\0"sv), "a NumPy file (it begins with the bytes 93 4e 55 4d 50 59), not "));
}

TEST_CASE("a text that only begins with the letters of a format is read") {
  const scratch_folder in;
  for (const std::string_view text :
       {"PAR1 is a word"sv, "PARIS"sv, "BZh9 and more"sv, "BZh91AY"sv, "PK\n"sv, "PK\x03"sv, "7z is a program"sv, "ARROW1 and ARROW2"sv, "MMIDIDX"sv,
        "NUMPY"sv, "LITPKDS is a mark"sv, "\x1f\x8b"sv, "\xff"sv, "\xfe\xfe"sv, "\0\0\0\0"sv, "\xef\xbb\xbf\xff\xfe"sv, "x"sv})
    CHECK(said_of_text(in / "a", text) == "nothing was thrown");
}

TEST_CASE("UTF-16 and UTF-32 without a mark are refused by name as texts; the same bytes are ids in a shard") {
  const scratch_folder in;
  const auto units = [](std::u32string_view text, std::size_t bytes, bool big) {
    std::string all;
    for (const char32_t c : text)
      for (std::size_t k = 0; k < bytes; ++k) all += static_cast<char>(c >> 8 * (big ? bytes - 1 - k : k) & 255);
    return all;
  };
  const auto latin = U"In the beginning was the Word, and the Word was not in UTF-8 at all."sv,
             quoted = U"\x201cIn the beginning\x201d \x2013 he said"sv, greek = U"\x395\x3bd \x3b1\x3c1\x3c7\x3b7 \x3b7\x3bd"sv, brief = U"word"sv;
  for (const bool big : {false, true}) {
    for (const auto text : {latin, quoted, brief}) {
      CAPTURE(big);
      CHECK(has(said_of_text(in / "a.txt", units(text, 2, big)), "a.txt is a UTF-16 text without a mark (it begins with the bytes "));
      CHECK(said_of_parts(in / "a.txt") == said_of_text(in / "a.txt", units(text, 2, big)));
      CHECK(has(said_of_text(in / "a.txt", units(text, 2, big)), big ? "iconv -f UTF-16BE -t UTF-8" : "iconv -f UTF-16LE -t UTF-8"));
    }
    for (const auto text : {latin, quoted, greek, brief})
      CHECK(has(said_of_text(in / "a.txt", units(text, 4, big)), big ? "iconv -f UTF-32BE -t UTF-8" : "iconv -f UTF-32LE -t UTF-8"));
  }
  CHECK(said_of_shard(in / "a.bin", units(latin, 2, false), shard_format::nanogpt) == "nothing was thrown");
}

TEST_CASE("a text with NUL bytes is read unless every second byte is one") {
  const scratch_folder in;
  for (const std::string_view text : {"a\0b\0c"sv, "\0\0\0\0\0\0\0\0\0\0"sv, "first\0second\0third\0"sv, "ab\0cd\0ef\0gh\0ij\0kl\0"sv, "\0a\0"sv,
                                      "one two three four\0\0\0\0\0\0\0\0"sv, "abc\0abc\0abc\0abc\0"sv})
    CHECK(said_of_text(in / "a", text) == "nothing was thrown");
}

TEST_CASE("a nanoGPT file is read where its ids could be the mark of a format by chance: marks shorter than two ids decide nothing") {
  const scratch_folder in;
  CHECK(said_of_shard(in / "a", "\x1f\x8b\x01\0\x02\0"sv, shard_format::nanogpt) == "nothing was thrown");
  // 65279 and 65534: of a vocabulary that has them, ids; otherwise the mark of UTF-16.
  for (const auto bytes : {"\xff\xfex\0i\0"sv, "\xfe\xff\0x\0i"sv}) {
    CHECK(said_of_shard(in / "a", bytes, shard_format::nanogpt, 65'536) == "nothing was thrown");
    CHECK(has(said_of_shard(in / "a", bytes, shard_format::nanogpt), "is a UTF-16 text"));
  }
  CHECK(has(said_of_shard(in / "a", "x\0\xff\xfe"sv, shard_format::nanogpt), "token number 1 is the id 65279"));
}

TEST_CASE("the .bin of a Megatron data set is refused by the .idx beside it, with the type of its ids") {
  const scratch_folder in;
  const std::string ids("\x01\0\0\0\x02\0\0\0", 8);
  const auto index = [&](std::string_view begins) { overwrite(in / "a.idx", begins); };
  index("MMIDIDX\0\0\x01\0\0\0\0\0\0\0\x04\x01\0"sv);
  for (const auto format : {shard_format::llm_c, shard_format::nanogpt}) {
    CHECK(
        has(said_of_shard(in / "a.bin", ids, format), "a.bin is the data of a Megatron index (" + (in / "a.idx").native() + "), with ids of int32"));
  }
  index("MMIDIDX\0\0\x01\0\0\0\0\0\0\0\x08\x01\0"sv);
  CHECK(has(said_of_shard(in / "a.bin", ids, shard_format::nanogpt), "with ids of uint16: without that .idx it is a file as nanoGPT writes it"));
  index("TNTIDX\0\0\x01\0\0\0\0\0\0\0\x04\0\0\0"sv);
  CHECK(has(said_of_shard(in / "a.bin", ids, shard_format::nanogpt), "is the data of a Megatron index"));
  for (const auto other : {""sv, "MMID"sv, "some notes about a.bin"sv}) {
    index(other);
    CHECK(said_of_shard(in / "a.bin", ids, shard_format::nanogpt) == "nothing was thrown");
  }
}

TEST_CASE("a chunk of litdata, in which litgpt keeps its tokens, is refused by its name") {
  const scratch_folder in;
  const auto words = [](std::initializer_list<std::uint32_t> numbers) {
    std::string bytes;
    for (const auto n : numbers)
      for (int k = 0; k < 4; ++k) bytes += static_cast<char>(n >> 8 * k & 255);
    return bytes;
  };
  const std::string two_items = words({2, 16, 24, 28}) + words({5, 6, 7});
  for (const auto format : {shard_format::llm_c, shard_format::nanogpt})
    CHECK(has(said_of_shard(in / "chunk-0-0.bin", two_items, format), "is a chunk of litdata"));
  CHECK(has(said_of_shard(in / "a", words({1, 12, 12}), shard_format::nanogpt), "is a chunk of litdata"));
  CHECK(said_of_shard(in / "a", two_items + "ab", shard_format::nanogpt) == "nothing was thrown");
  CHECK(said_of_shard(in / "a", words({0, 8}), shard_format::nanogpt) == "nothing was thrown");
}

TEST_CASE("a file of ids without a header hints at nanoGPT's format, in the default one") {
  const scratch_folder in;
  const auto hint = "if it has no header, as nanoGPT writes them, read it in the format nanogpt (raptr-pretrain: --shard-format nanogpt)"sv;
  for (const auto& bytes : {std::string("\x01\0\x02\0\x03\0", 6), std::string("\x92\x1f\xf3\x00", 4), std::string(2000, '\x11')})
    CHECK(has(said_of_shard(in / "a.bin", bytes, shard_format::llm_c), hint));
  CHECK(!has(said_of_shard(in / "a.bin", "abcde", shard_format::llm_c), "nanogpt"));  // an odd size
  CHECK(!has(said_of_shard(in / "a.bin", std::string("\x01\x34\xd8\x88", 4) + std::string(1020, '\0'), shard_format::llm_c), "nanogpt"));
}
