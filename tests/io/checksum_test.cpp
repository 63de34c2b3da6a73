// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include <raptr/io/checksum.hpp>
#include <raptr/io/file.hpp>

using raptr::bytes_of;
using raptr::crc32c;

TEST_CASE("CRC-32C gives the known answers") {
  CHECK(crc32c(bytes_of("")) == 0);
  CHECK(crc32c(bytes_of("123456789")) == 0xe3069283U);
  CHECK(crc32c(bytes_of("a")) == 0xc1d04330U);
  // RFC 3720, B.4
  CHECK(crc32c(bytes_of(std::string(32, '\0'))) == 0x8a9136aaU);
  CHECK(crc32c(bytes_of(std::string(32, '\xff'))) == 0x62a8ab43U);
  std::string rising;
  for (char c = 0; c < 32; ++c) rising += c;
  CHECK(crc32c(bytes_of(rising)) == 0x46dd794eU);
  CHECK(crc32c(bytes_of(std::string(rising.rbegin(), rising.rend()))) == 0x113fdb5cU);
}

TEST_CASE("CRC-32C by eight bytes equals the definition bit by bit, at every length and cut") {
  const auto slow = [](std::string_view text) {
    std::uint32_t crc = ~0U;
    for (const char c : text) {
      crc ^= static_cast<unsigned char>(c);
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78U : 0U);
    }
    return ~crc;
  };
  std::string text;
  for (unsigned i = 0; i < 67; ++i) text += static_cast<char>(i * 151 + 7);
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const auto part = std::string_view(text).substr(0, length);
    REQUIRE(crc32c(bytes_of(part)) == slow(part));
    REQUIRE(crc32c(bytes_of(std::string_view(text).substr(length)), crc32c(bytes_of(part))) == slow(text));
  }
}

TEST_CASE("the sums of blocks do not depend on the pieces in which the bytes come") {
  const std::string text(3 * raptr::checksum_block + 5, 'x');
  raptr::block_checksums whole, pieces;
  whole.add(bytes_of(text));
  for (std::size_t at = 0; at < text.size(); at += 300'007) pieces.add(bytes_of(std::string_view(text).substr(at, 300'007)));
  REQUIRE(whole.sums().size() == 4);
  CHECK(whole.sums() == pieces.sums());
  CHECK(whole.bytes() == text.size());
  CHECK(whole.sums()[0] == crc32c(bytes_of(std::string_view(text).substr(0, raptr::checksum_block))));
  CHECK(whole.sums()[3] == crc32c(bytes_of("xxxxx")));
  raptr::block_checksums none;
  none.add({});
  CHECK(none.sums().empty());
}

TEST_CASE("a single changed byte is located from the two sums") {
  std::string text;
  for (unsigned i = 0; i < 1000; ++i) text += static_cast<char>(i * i);
  const auto right = crc32c(bytes_of(text));
  for (std::size_t at = 0; at < text.size(); at += 37)
    for (const int change : {1, 0x80, 0xff, 0x5a}) {
      auto wrong = text;
      wrong[at] = static_cast<char>(wrong[at] ^ change);
      REQUIRE(raptr::single_changed_byte(right, crc32c(bytes_of(wrong)), text.size()) == at);
    }
  CHECK_FALSE(raptr::single_changed_byte(right, right, text.size()));
  auto two = text;
  two[10] = static_cast<char>(two[10] ^ 3);
  two[700] = static_cast<char>(two[700] ^ 5);
  CHECK_FALSE(raptr::single_changed_byte(right, crc32c(bytes_of(two)), text.size()));
}

TEST_CASE("a sum is written with eight digits") { CHECK(raptr::crc_text(0x00a1b2f0U) == "00a1b2f0"); }
