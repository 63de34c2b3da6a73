// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli, as in iSCSI and ext4), eight bytes a step from tables: it detects every error burst of up to 32
// bits. Two surprises: sums chain, crc32c(b, crc32c(a)) is the sum of a followed by b; and a wrong sum gives the position
// of a single changed byte.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <raptr/base/config.hpp>

namespace raptr {
namespace detail {

/// [k][b]: the register after byte b and k zero bytes.
inline constexpr auto crc32c_table = [] {
  std::array<std::array<std::uint32_t, 256>, 8> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? 0x82f63b78U : 0U);
    table[0][byte] = value;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t byte = 0; byte < 256; ++byte) table[k][byte] = (table[k - 1][byte] >> 8) ^ table[0][table[k - 1][byte] & 255];
  return table;
}();

constexpr std::uint32_t little_endian(const std::byte* at) {
  return std::to_integer<std::uint32_t>(at[0]) | std::to_integer<std::uint32_t>(at[1]) << 8 | std::to_integer<std::uint32_t>(at[2]) << 16 |
         std::to_integer<std::uint32_t>(at[3]) << 24;
}

}  // namespace detail

/// before: the sum of the preceding bytes.
constexpr std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0) {
  const auto& table = detail::crc32c_table;
  std::uint32_t crc = ~before;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint32_t low = crc ^ detail::little_endian(at), high = detail::little_endian(at + 4);
    crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24] ^  //
          table[3][high & 255] ^ table[2][high >> 8 & 255] ^ table[1][high >> 16 & 255] ^ table[0][high >> 24];
  }
  for (; left > 0; --left, ++at) crc = (crc >> 8) ^ table[0][(crc ^ std::to_integer<std::uint32_t>(*at)) & 255];
  return ~crc;
}

/// Eight hexadecimal digits, as in the manifest.
inline std::string crc_text(std::uint32_t crc) {
  std::string text(8, '0');
  for (std::size_t i = 8; i-- > 0; crc >>= 4) text[i] = "0123456789abcdef"[crc & 15];
  return text;
}

/// The offset of the changed byte, if exactly one byte of a block of `bytes` bytes was changed: where the two sums differ by
/// one table entry and the right number of zeros after it. More damage gives nullopt or, rarely (6% for 1 MiB), a wrong one.
inline std::optional<std::uint64_t> single_changed_byte(std::uint32_t expected, std::uint32_t got, std::uint64_t bytes) {
  const auto& table = detail::crc32c_table[0];
  std::array<std::uint32_t, 256> by_top{};  // the entries' top bytes are all different
  for (std::uint32_t byte = 0; byte < 256; ++byte) by_top[table[byte] >> 24] = byte;
  std::uint32_t difference = expected ^ got;
  for (std::uint64_t after = 0; after < bytes && difference != 0; ++after) {
    const std::uint32_t byte = by_top[difference >> 24];
    if (table[byte] == difference) return bytes - 1 - after;
    difference = (difference ^ table[byte]) << 8 | byte;  // undoes one zero byte
  }
  return std::nullopt;
}

/// The sums of every `checksum_block` bytes of a stream; the last block may be shorter.
inline constexpr std::uint64_t checksum_block = std::uint64_t{1} << 20;

class block_checksums {
 public:
  void add(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const auto used = bytes_ % checksum_block;
      if (used == 0) sums_.push_back(0);
      const auto room = static_cast<std::size_t>(checksum_block - used);
      const auto part = bytes.first(room < bytes.size() ? room : bytes.size());
      sums_.back() = crc32c(part, sums_.back());
      bytes_ += part.size();
      bytes = bytes.subspan(part.size());
    }
  }
  std::uint64_t bytes() const { return bytes_; }
  const std::vector<std::uint32_t>& sums() const { return sums_; }

 private:
  std::uint64_t bytes_ = 0;
  std::vector<std::uint32_t> sums_;
};

}  // namespace raptr
