// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <sys/stat.h>

#include <thread>

#include <raptr/data/any_tokens.hpp>
#include <raptr/data/shard_files.hpp>
#include <raptr/data/shard_index.hpp>
#include <raptr/data/shard_writer.hpp>
#include <raptr/data/sharded_tokens.hpp>
#include <raptr/data/token_stream.hpp>
#include <raptr/tokenizers/byte.hpp>

#include "scratch_folder.hpp"

namespace {

using ids = std::vector<std::int32_t>;
using paths = std::vector<std::filesystem::path>;
using raptr::shard_format;

constexpr raptr::vocabulary gpt2{.size = 50'257, .end_of_text = 50'256};

/// Numbers as little-endian bytes.
std::string numbers(const std::vector<std::int64_t>& values, int bytes) {
  std::string text;
  for (const auto value : values)
    for (int byte = 0; byte < bytes; ++byte) text += static_cast<char>(static_cast<unsigned char>(value >> 8 * byte & 0xff));
  return text;
}
std::string header(std::int64_t magic, std::int64_t version, std::int64_t count) {
  return numbers({magic, version, count}, 4) + std::string(1024 - 12, '\0');
}
/// As llm.c writes it.
std::string shard(const std::vector<std::int64_t>& values, int bytes = 2) {
  return (bytes == 2 ? header(20240520, 1, std::ssize(values)) : header(20240801, 7, std::ssize(values))) + numbers(values, bytes);
}

template <raptr::token_source Source> ids all(const Source& source) {
  ids out(static_cast<std::size_t>(source.size()));
  source.read(0, out);
  return out;
}
std::string refusal(const std::filesystem::path& file, const std::string& bytes, shard_format format = shard_format::llm_c) {
  overwrite(file, bytes);
  return sentence_of([&] { raptr::sharded_tokens({file}, gpt2, format); });
}
paths written(const std::filesystem::path& folder, const ids& values, int vocabulary, std::int64_t length) {
  raptr::shard_writer to(folder, "train", vocabulary, length);
  to.write(values);
  to.finish();
  return raptr::find_shards({folder}, raptr::shard_part::training).files;
}

}  // namespace

TEST_CASE("shards of llm.c in 16 and in 32 bits are read, mixed too, and so are nanoGPT's when asked for") {
  const scratch_folder in;
  overwrite(in / "a", shard({1, 2, 50'256}));
  overwrite(in / "b", shard({3, 50'000}, 4));
  overwrite(in / "n", numbers({7, 8, 50'256}, 2));
  const raptr::sharded_tokens tokens({in / "a", in / "b", in / "a"}, gpt2);
  CHECK(all(tokens) == ids{1, 2, 50'256, 3, 50'000, 1, 2, 50'256});
  CHECK(tokens.vocabulary() == gpt2);
  CHECK(tokens.shards() == 3);
  CHECK(all(raptr::sharded_tokens({in / "n"}, gpt2, shard_format::nanogpt)) == ids{7, 8, 50'256});
}

TEST_CASE("any window is read, over any number of borders, and what is not all there is refused") {
  const scratch_folder in;
  ids values(1000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int32_t>(i * 49 % 50'257);
  const raptr::sharded_tokens tokens(written(in.path(), values, 50'257, 7), gpt2);
  CHECK(tokens.shards() == 143);
  for (std::int64_t first = 0; first <= 1000; first += 3)
    for (const std::int64_t size : {0, 1, 6, 7, 8, 20, 300}) {
      if (first + size > 1000) continue;
      ids out(static_cast<std::size_t>(size));
      tokens.read(first, out);
      CHECK(std::equal(out.begin(), out.end(), values.begin() + first));
    }
  ids out(3);
  for (const std::int64_t first : {std::int64_t{998}, std::int64_t{-1}, std::int64_t{1001}, std::int64_t{9'223'372'036'854'775'000}})
    CHECK(has(sentence_of<raptr::input_error>([&] { tokens.read(first, out); }), "were requested, but there are 1000"));
}

TEST_CASE("several threads read one source") {
  const scratch_folder in;
  ids values(5000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int32_t>(i);
  const raptr::sharded_tokens tokens(written(in.path(), values, 50'257, 600), gpt2);
  std::array<bool, 4> same{};
  {
    std::vector<std::jthread> threads;
    for (auto& mine : same) threads.emplace_back([&] { mine = all(tokens) == values; });
  }
  CHECK(same == std::array{true, true, true, true});
}

TEST_CASE("what is written is what llm.c would write, byte for byte") {
  const scratch_folder in;
  const auto files = written(in.path(), {1, 2, 50'256, 65'535, 4}, 65'536, 3);
  CHECK(files == paths{in / "train_000000.bin", in / "train_000001.bin"});
  CHECK(raptr::read_file(files[0]) == shard({1, 2, 50'256}));
  CHECK(raptr::read_file(files[1]) == shard({65'535, 4}));
  const scratch_folder wide;
  const auto of_32 = written(wide.path(), {65'536, 1}, 65'537, 2);
  CHECK(of_32.size() == 1);  // none without tokens behind a full one
  CHECK(raptr::read_file(of_32[0]) == shard({65'536, 1}, 4));
  CHECK(all(raptr::sharded_tokens(of_32, {.size = 65'537})) == ids{65'536, 1});
}

TEST_CASE("an id that the vocabulary does not have is not written") {
  const scratch_folder in;
  for (const int wrong : {65'536, -1}) {
    raptr::shard_writer to(in.path(), "x", 65'536, 10);
    to.write(ids{65'535});
    CHECK(has(sentence_of<raptr::input_error>([&] { to.write(ids{wrong}); }), "token number 1 for " + (in / "x_000000.bin").native() + " is the id " +
                                                                                  std::to_string(wrong) +
                                                                                  ", but the tokenizer has the ids 0 to 65535"));
  }
  CHECK(has(sentence_of<raptr::input_error>([&] { raptr::shard_writer(in.path(), "x", 10, 0); }), "a shard of 0 tokens is not valid"));
  CHECK(has(sentence_of<raptr::input_error>([&] { raptr::shard_writer(in.path(), "x", 10, 2'147'483'648); }), "use 1 to 2147483647"));
}

TEST_CASE("a shard that was not finished is none") {
  const scratch_folder in;
  {
    raptr::shard_writer to(in.path(), "x", 100, 1'000'000);
    to.write(ids(400'000, 5));
  }
  CHECK(std::filesystem::file_size(in / "x_000000.bin") > 1024);
  CHECK(has(sentence_of([&] { raptr::sharded_tokens({in / "x_000000.bin"}, {.size = 100}); }),
            "byte 0: expected the magic number 20240520 or 20240801"));
}

TEST_CASE("every fault of a shard has its own sentence with file, byte, what was expected and what is there") {
  const scratch_folder in;
  const auto file = in / "s.bin";
  const auto good = shard({1, 2, 3});
  const auto expect = [&](const std::string& bytes, const std::string& sentence) {
    CHECK(refusal(file, bytes) == "raptr: " + file.native() + ", byte " + sentence);
  };
  const std::string begins = "0: expected the magic number 20240520 or 20240801 of a shard of llm.c, got ",
                    hint = ": if it has no header, as nanoGPT writes them, read it in the format nanogpt (raptr-pretrain: --shard-format nanogpt)";
  REQUIRE(refusal(file, good) == "nothing was thrown");
  expect(good + "\x01", "1030: expected a whole token of 2 bytes, got 1 and the end of the file");
  expect(good.substr(0, 1029), "1028: expected a whole token of 2 bytes, got 1 and the end of the file");
  expect(shard({1, 2, 3}, 4) + "xyz", "1036: expected a whole token of 4 bytes, got 3 and the end of the file");
  expect(header(20240520, 1, 4) + numbers({1, 2, 3}, 2), "1030: expected the 4 tokens of the header, got the end of the file after 3");
  expect(header(20240520, 1, 2) + numbers({1, 2, 3}, 2), "1028: expected the end of the file after the 2 tokens of the header, got 2 more bytes");
  expect(good + std::string(100, '\0'), "1030: expected the end of the file after the 3 tokens of the header, got 100 more bytes");
  expect(header(20240520, 1, 2'147'483'647), "1024: expected the 2147483647 tokens of the header, got the end of the file after 0");
  expect(header(20240520, 1, 0) + "ab", "1024: expected the end of the file after the 0 tokens of the header, got 2 more bytes");
  expect(header(20240520, 1, -1), "8: expected a count of 0 to 2147483647 tokens, got -1");
  expect(header(20240520, 1, 2'147'483'648), "8: expected a count of 0 to 2147483647 tokens, got -2147483648");
  expect(header(20240520, 2, 0), "4: expected version 1 for the magic number 20240520, got version 2");
  expect(header(20240520, 7, 0), "4: expected version 1 for the magic number 20240520, got version 7");
  expect(header(20240801, 1, 0), "4: expected version 7 for the magic number 20240801, got version 1");
  expect(header(20240522, 1, 0), begins + "20240522" + hint);
  expect(std::string(2048, '\0'), begins + "0" + hint);
  expect(std::string("\x01\x34\xd8\x88", 4) + std::string(1020, '\0'), begins + "-1999096831, which is one of them in reverse byte order");
  expect("\x88\xd8\x34", "3: expected a header of 1024 bytes, got the end of the file");
  expect(good.substr(0, 1023), "1023: expected a header of 1024 bytes, got the end of the file");
  expect(good.substr(0, 4), "4: expected a header of 1024 bytes, got the end of the file");
}

TEST_CASE("a shard cut anywhere is refused") {
  const scratch_folder in;
  const auto good = shard({1, 2, 3, 4}, 4);
  for (std::size_t size = 1; size < good.size(); ++size) CHECK(refusal(in / "s", good.substr(0, size)) != "nothing was thrown");
}

TEST_CASE("nanoGPT's form refuses an odd size and llm.c's shards, and is never guessed") {
  const scratch_folder in;
  const auto file = in / "s.bin";
  CHECK(refusal(file, "abc", shard_format::nanogpt) ==
        "raptr: " + file.native() + ", byte 2: expected a whole token of 2 bytes, got 1 and the end of the file");
  CHECK(has(refusal(file, shard({1}), shard_format::nanogpt),
            "byte 0: expected tokens without a header, as nanoGPT writes them, got the header of a shard of "
            "llm.c, 20240520: read it in the format llm.c"));
  CHECK(has(refusal(file, shard({1}, 4), shard_format::nanogpt), "20240801"));
  CHECK(has(refusal(file, numbers({1, 2, 3, 4}, 2)), "expected the magic number 20240520"));
}

TEST_CASE("empty files and shards without tokens are counted and skipped; nothing but such is an error") {
  const scratch_folder in;
  overwrite(in / "a", "");
  overwrite(in / "b", shard({}));
  overwrite(in / "c", shard({5, 6}));
  const raptr::sharded_tokens tokens({in / "a", in / "c", in / "b", in / "c"}, gpt2);
  CHECK(all(tokens) == ids{5, 6, 5, 6});
  CHECK(tokens.empty_files() == 2);
  CHECK(tokens.shards() == 2);
  CHECK(sentence_of([&] {
          raptr::sharded_tokens({in / "b", in / "a"}, gpt2);
        }) == "raptr: the shards contain no tokens: 2 empty files, the first is " + (in / "b").native());
  CHECK(has(sentence_of<raptr::input_error>([&] { raptr::sharded_tokens({}, gpt2); }), "no shards were given"));
}

TEST_CASE("an id beyond the vocabulary is told with file, byte, token, id and limit, when it is read") {
  const scratch_folder in;
  overwrite(in / "a", shard({1, 2}));
  overwrite(in / "b", shard({3, 50'257, 4}));
  overwrite(in / "c", shard({3, 4, 4'294'967'295, 5}, 4));
  const raptr::sharded_tokens tokens({in / "a", in / "b", in / "c"}, gpt2);
  ids out(3);
  tokens.read(0, out);
  CHECK(out == ids{1, 2, 3});
  const auto said = [&](std::int64_t first) { return sentence_of([&] { tokens.read(first, out); }); };
  CHECK(said(2) == "raptr: " + (in / "b").native() +
                       ", byte 1026: token number 1 is the id 50257, but the tokenizer has the ids 0 to 50256: the shard was "
                       "made with another tokenizer");
  CHECK(has(said(6), (in / "c").native() + ", byte 1032: token number 2 is the id 4294967295"));
  CHECK(has(sentence_of([&] { tokens.hash(); }), "token number 1 is the id 50257"));
}

TEST_CASE("three shards of 2^31 - 1 tokens are 6,442,450,941 tokens") {
  const scratch_folder in;
  paths files;
  for (const char* const name : {"a", "b", "c"}) {
    overwrite(in / name, header(20240520, 1, 2'147'483'647));
    std::filesystem::resize_file(in / name, 4'294'968'318);  // sparse
    files.push_back(in / name);
  }
  const raptr::sharded_tokens tokens(files, gpt2);
  CHECK(tokens.size() == 6'442'450'941);
  ids out(5, 1);
  tokens.read(2'147'483'645, out);
  CHECK(out == ids(5, 0));
  tokens.read(6'442'450'936, out);
  CHECK(has(sentence_of<raptr::input_error>([&] { tokens.read(6'442'450'937, out); }), "tokens 6442450937 to 6442450941 were requested"));
}

TEST_CASE("what cannot be mapped is told") {
  const scratch_folder in;
  CHECK(has(sentence_of([&] { raptr::sharded_tokens({in / "none"}, gpt2); }), "cannot open " + (in / "none").native()));
  CHECK(has(sentence_of([&] { raptr::sharded_tokens({in.path()}, gpt2); }), "expected a regular file, got a folder"));
  CHECK(has(sentence_of([&] { raptr::sharded_tokens({"/dev/null"}, gpt2); }), "got a pipe or a device"));
}

TEST_CASE("a text and its shards have the same hash, behind one type too") {
  const scratch_folder in;
  const std::vector<std::string_view> texts{"some text", "", "and more of it"};
  const raptr::token_stream stream(raptr::byte_tokenizer{}, std::span(texts));
  raptr::shard_writer to(in.path(), "train", 259, 10);
  to.write(all(stream));
  to.finish();
  CHECK(to.hash() == stream.hash());
  CHECK(to.tokens() == stream.size());
  raptr::sharded_tokens shards(raptr::find_shards({in.path()}, raptr::shard_part::training).files, raptr::byte_tokenizer::vocabulary());
  CHECK(shards.hash() == stream.hash());
  const raptr::any_tokens any(std::move(shards));
  CHECK(any.size() == stream.size());
  CHECK(any.vocabulary() == stream.vocabulary());
  CHECK(raptr::token_hash(any) == stream.hash());
}

TEST_CASE("a folder gives the shards of one part, in the order of their names") {
  const scratch_folder in;
  for (const char* const name :
       {"fineweb_train_000001.bin", "fineweb_train_000000.bin", "fineweb_val_000000.bin", "notes.md", ".hidden.bin", "shards.json"})
    overwrite(in / name, "");
  std::filesystem::create_directory(in / "folder.bin");
  const auto training = raptr::find_shards({in.path()}, raptr::shard_part::training);
  CHECK(training.files == paths{in / "fineweb_train_000000.bin", in / "fineweb_train_000001.bin"});
  CHECK(training.skipped == paths{in / ".hidden.bin", in / "folder.bin", in / "notes.md"});
  CHECK(raptr::find_shards({in.path()}, raptr::shard_part::validation).files == paths{in / "fineweb_val_000000.bin"});
  CHECK(raptr::holds_validation_shards(in.path()));
  CHECK(raptr::find_shards({in / "notes.md"}, raptr::shard_part::training).files == paths{in / "notes.md"});

  const scratch_folder one;
  overwrite(one / "val.bin", "");
  CHECK(has(sentence_of([&] { raptr::find_shards({one.path()}, raptr::shard_part::training); }),
            "contains no training shards: none of its 1 entries is a file *.bin of that kind (one of them: val.bin)"));
  const scratch_folder other;
  overwrite(other / "data.bin", "");
  CHECK(!raptr::holds_validation_shards(other.path()));
  CHECK(raptr::find_shards({other.path()}, raptr::shard_part::validation).files == paths{other / "data.bin"});
  CHECK(has(sentence_of([&] { raptr::find_shards({other / "none"}, raptr::shard_part::training); }), "cannot read the shard"));
}

TEST_CASE("the word val names a validation shard, letters inside a word do not") {
  for (const char* const name : {"val.bin", "x_val_000.bin", "a-valid-1.bin", "validation.bin"}) CHECK(raptr::names_validation_shard(name));
  for (const char* const name : {"train.bin", "interval_1.bin", "value.bin", "evaluation.bin", ""}) CHECK(!raptr::names_validation_shard(name));
}

TEST_CASE("shards.json comes back as it was written, and a wrong one is told") {
  const scratch_folder in;
  const raptr::shard_index index{.tokenizer = "bpe-300-abc",
                                 .tokenizer_from = "/a/\xff",
                                 .vocabulary = {.size = 300, .end_of_text = 299, .cls = 7, .sep = 299},
                                 .training = {2, 3'000'000'000, 5, "0123456789abcdef"},
                                 .validation = raptr::shard_index::part{1, 7, 1, "00000000000000ff"}};
  const auto file = in / "shards.json";
  const auto text = raptr::shard_index_text(index);
  overwrite(file, text);
  const auto read = raptr::read_shard_index(file);
  CHECK(raptr::shard_index_text(read) == text);
  CHECK(read.vocabulary == index.vocabulary);
  CHECK(read.tokenizer_from == index.tokenizer_from);
  CHECK(read.training.tokens == 3'000'000'000);
  const auto said = [&](const std::string& from, const std::string& to) {
    auto changed = text;
    changed.replace(changed.find(from), from.size(), to);
    overwrite(file, changed);
    return sentence_of([&] { raptr::read_shard_index(file); });
  };
  CHECK(has(said("\"format\": 1", "\"format\": 2"), "\"format\": expected 1, got 2"));
  CHECK(has(said("\"size\": 300", "\"size\": 0"), "\"size\": expected 1 or more ids, got 0"));
  CHECK(has(said("\"end_of_text\": 299", "\"end_of_text\": 300"), "expected -1 or an id below 300, got 300"));
  CHECK(has(said("\"training\"", "\"other\""), "\"training\": expected"));
  CHECK(has(said("\"cls\": 7", "\"cls\": 300"), "\"cls\": expected -1 or an id below 300, got 300"));
  // Shards that were written before frames were known have neither, and of sentinels and mode tokens those are written that exist.
  CHECK_FALSE(has(text, "sentinel"));
  raptr::shard_index denoising = index;
  denoising.vocabulary.first_sentinel = 298, denoising.vocabulary.last_sentinel = 290, denoising.vocabulary.s2s = 4;
  overwrite(file, raptr::shard_index_text(denoising));
  CHECK(raptr::read_shard_index(file).vocabulary == denoising.vocabulary);
  overwrite(file, text);
  auto older = raptr::read_json(file);
  older["tokenizer"].erase("cls"), older["tokenizer"].erase("sep");
  overwrite(file, older.dump());
  CHECK(raptr::read_shard_index(file).vocabulary == raptr::vocabulary{.size = 300, .end_of_text = 299});
}

TEST_CASE("a shard that is cut while it is mapped is an error, also where the rest of its last page reads as zeros") {
  const scratch_folder in;
  ids values(400);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int32_t>(1000 + i);
  const auto cut = [&](int bytes, std::uintmax_t left, std::int64_t first) {
    overwrite(in / "a", shard({values.begin(), values.end()}, bytes));
    const raptr::sharded_tokens tokens({in / "a"}, gpt2);
    std::filesystem::resize_file(in / "a", left);
    ids out(10);
    return sentence_of([&] { tokens.read(first, out); });
  };
  const auto had = (in / "a").native() + " became shorter while it was read: it had ";
  CHECK(has(cut(2, 1024 + 2 * 395, 390), had + "1824 bytes, and ends after 1814"));
  CHECK(has(cut(2, 1024 + 2 * 300 + 1, 291), had));  // within the last token
  CHECK(has(cut(2, 1024, 0), had));
  CHECK(has(cut(2, 500, 100), had));
  CHECK(has(cut(4, 1024 + 4 * 399 + 1, 390), had));
  CHECK(cut(2, 1024 + 2 * 300, 290) == "nothing was thrown");  // what is read was there
}

TEST_CASE("a shard that is replaced, removed or lengthened while it is mapped is read as it was") {
  const scratch_folder in;
  const auto read_after = [&](auto change) {
    overwrite(in / "a", shard({0, 1, 0, 0}));
    const raptr::sharded_tokens tokens({in / "a"}, gpt2);
    change();
    return all(tokens);
  };
  const ids as_written{0, 1, 0, 0};
  CHECK(read_after([&] { std::filesystem::remove(in / "a"); }) == as_written);
  CHECK(read_after([&] { std::filesystem::resize_file(in / "a", 9000); }) == as_written);
  CHECK(read_after([&] {
          overwrite(in / "b", "short");
          std::filesystem::rename(in / "b", in / "a");
        }) == as_written);
}
