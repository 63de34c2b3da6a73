// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include <raptr/tokenizers/byte.hpp>

#include "scratch_folder.hpp"

TEST_CASE("bytes become ids and back, all 256 of them") {
  std::string text;
  for (int byte = 0; byte < 256; ++byte) text += static_cast<char>(byte);
  std::vector<std::int32_t> ids{7};
  raptr::byte_tokenizer::encode(text, ids);
  REQUIRE(ids.size() == 257);
  CHECK(ids[0] == 7);
  for (int byte = 0; byte < 256; ++byte) REQUIRE(ids[static_cast<std::size_t>(byte) + 1] == byte);
  CHECK(raptr::byte_tokenizer::decode(std::span(ids).subspan(1)) == text);
  CHECK(raptr::byte_tokenizer::decode({}).empty());
}

TEST_CASE("special ids are no text, and text never becomes special") {
  constexpr auto ids = raptr::byte_tokenizer::vocabulary();
  CHECK(ids.size == 259);
  CHECK((ids.is_special(256) && ids.is_special(257) && ids.is_special(258)));
  CHECK_FALSE((ids.is_special(255) || ids.is_special(0) || ids.is_special(-1) || ids.is_special(259)));
  CHECK_FALSE(raptr::vocabulary{.size = 5}.is_special(-1));
  CHECK(raptr::byte_tokenizer::decode(std::vector<std::int32_t>{'a', 256, 257, 'b', 258}) == "ab");
  std::vector<std::int32_t> text;
  raptr::byte_tokenizer::encode("a<|endoftext|>b", text);
  for (const auto id : text) CHECK_FALSE(ids.is_special(id));
}

TEST_CASE("an id outside of the vocabulary is told") {
  for (const std::int32_t id : {-1, 259, 1'000'000})
    CHECK(has(sentence_of<raptr::input_error>([&] { raptr::byte_tokenizer::decode(std::vector<std::int32_t>{id}); }),
              "token id " + std::to_string(id) + " is outside of the vocabulary of the tokenizer bytes, 0 to 258"));
}
