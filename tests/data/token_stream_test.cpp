// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <raptr/data/token_stream.hpp>
#include <raptr/io/file.hpp>
#include <raptr/tokenizers/byte.hpp>

#include "scratch_folder.hpp"

namespace {

using texts = std::vector<std::string_view>;
using ids = std::vector<std::int32_t>;

raptr::token_stream stream_of(const texts& documents) { return {raptr::byte_tokenizer{}, std::span(documents)}; }

template <raptr::token_source Source> ids all(const Source& source) {
  ids out(static_cast<std::size_t>(source.size()));
  source.read(0, out);
  return out;
}

/// Every text becomes one token, the size of the text times `scale`.
struct size_tokenizer {
  int size, end, scale = 1;
  std::string name() const { return "sizes"; }
  raptr::vocabulary vocabulary() const { return {.size = size, .end_of_text = end}; }
  void encode(std::string_view text, std::vector<std::int32_t>& out) const { out.push_back(static_cast<std::int32_t>(text.size()) * scale); }
  std::string decode(std::span<const std::int32_t>) const { return {}; }
};
static_assert(raptr::tokenizer<size_tokenizer>);

}  // namespace

TEST_CASE("every document is followed by the end of text") {
  const auto stream = stream_of({"ab", "", "c"});
  CHECK(stream.size() == 6);
  CHECK(all(stream) == ids{'a', 'b', 256, 256, 'c', 256});
  CHECK(stream.vocabulary() == raptr::byte_tokenizer::vocabulary());
  CHECK(stream.tokenizer_name() == "bytes");
  CHECK(stream.report().documents == 3);
  CHECK(stream.report().bytes == 3);
}

TEST_CASE("files and memory give the same stream") {
  const scratch_folder in;
  raptr::write_file(in / "a.txt",
                    "\xef\xbb\xbf"
                    "ab\n\ncd\n");
  const raptr::token_stream file(raptr::byte_tokenizer{}, {in.path()}, raptr::documents::blank_line);
  CHECK(all(file) == all(stream_of({"ab\n", "cd\n"})));
  CHECK(file.hash() == stream_of({"ab\n", "cd\n"}).hash());
  CHECK(file.report().byte_order_marks == 1);
  CHECK(file.report().files == 1);
}

TEST_CASE("any part is read, and what is not all there is refused with the numbers") {
  const auto stream = stream_of({"abcdef"});
  ids out(3);
  stream.read(4, out);
  CHECK(out == ids{'e', 'f', 256});
  stream.read(7, std::span<std::int32_t>{});
  const auto said = [&](std::int64_t first) { return sentence_of<raptr::input_error>([&] { stream.read(first, out); }); };
  CHECK(has(said(5), "tokens 5 to 7 were requested, but there are 7"));
  CHECK(has(said(-1), "tokens -1 to 1"));
  CHECK(has(said(8), "there are 7"));
  CHECK(has(said(9'223'372'036'854'775'000), "there are 7"));
}

TEST_CASE("ids up to 65,535 and above are stored without loss") {
  const std::string one(1, 'x');
  const texts documents{one};
  for (const int size : {65'536, 65'537, 200'000}) {
    const raptr::token_stream stream(size_tokenizer{size, size - 1, 65'535}, std::span(documents));
    CHECK(all(stream) == ids{65'535, size - 1});
  }
}

TEST_CASE("an id that the vocabulary does not have is refused, not wrapped") {
  const texts documents{"x"};
  for (const int scale : {65'536, 65'536 + 3, -1, 300})
    CHECK(has(sentence_of<raptr::input_error>([&] {
                raptr::token_stream(size_tokenizer{300, 299, scale}, std::span(documents));
              }),
              "token id " + std::to_string(scale) + " is outside of the vocabulary of the tokenizer sizes, 0 to 299"));
}

TEST_CASE("a tokenizer without an end of text gives no border") {
  const texts documents{"x", "yy"};
  CHECK(all(raptr::token_stream(size_tokenizer{300, -1}, std::span(documents))) == ids{1, 2});
}

TEST_CASE("the hash follows the ids alone") {
  // CRC-32C of 61 00 00 00 00 01 00 00 above the count 2.
  const std::array<std::int32_t, 2> raw{'a', 256};
  CHECK(stream_of({"a"}).hash() == (std::uint64_t{raptr::crc32c(std::as_bytes(std::span(raw)))} << 32 | 2));
  CHECK(stream_of({"ab"}).hash() != stream_of({"ba"}).hash());
  CHECK(stream_of({"ab"}).hash() != stream_of({"a", "b"}).hash());
  const std::string large(10'000, 'z');  // more than one piece of token_hash()
  const auto stream = stream_of({large});
  CHECK(stream.hash() == raptr::token_range(stream, 0, stream.size()).hash());
  CHECK(stream.hash() != raptr::token_range(stream, 0, stream.size() - 1).hash());
}

TEST_CASE("a range is a source of its own") {
  const auto stream = stream_of({"abcdef"});
  const raptr::token_range part(stream, 2, 3);
  CHECK(all(part) == ids{'c', 'd', 'e'});
  ids out(2);
  part.read(1, out);
  CHECK(out == ids{'d', 'e'});
  CHECK(has(sentence_of<raptr::input_error>([&] { part.read(2, out); }), "tokens 2 to 3 were requested, but there are 3"));
  CHECK(has(sentence_of<raptr::input_error>([&] { raptr::token_range(stream, 5, 3); }), "there are 7"));
}

TEST_CASE("the end of the text is held out from a border between documents on") {
  const std::string ten(9, 't');  // ten tokens with the end of text
  const auto stream = stream_of({ten, ten, ten, ten});
  const auto exact = raptr::hold_out(stream, 0.25);
  CHECK(exact.training.size() == 30);
  CHECK(exact.validation.size() == 10);
  CHECK(all(exact.training).back() == 256);
  const auto less = raptr::hold_out(stream, 0.4);  // 16 tokens: the next border leaves 10
  CHECK(less.training.size() == 30);
  const auto cut = raptr::hold_out(stream, 0.2);  // 8 tokens: no border with 4 to 8 tokens behind it
  CHECK(cut.training.size() == 32);
  CHECK(cut.validation.size() == 8);
  ids last(1);
  cut.validation.read(7, last);
  CHECK(last == ids{256});
}

TEST_CASE("one long document is cut inside") {
  const std::string text(99'999, 'x');
  const auto stream = stream_of({text});
  const auto parts = raptr::hold_out(stream, 0.1);
  CHECK(parts.training.size() == 90'000);
  CHECK(parts.validation.size() == 10'000);
}

TEST_CASE("a share that leaves one part empty is refused") {
  const auto stream = stream_of({"abcdefghi"});
  CHECK(raptr::hold_out(stream, 0.1).validation.size() == 1);
  for (const double fraction : {0.0, -0.5, 1.0, 2.0, 0.05, std::numeric_limits<double>::quiet_NaN()})
    CHECK(has(sentence_of<raptr::input_error>([&] { raptr::hold_out(stream, fraction); }), "of 10 tokens cannot be held out"));
}
