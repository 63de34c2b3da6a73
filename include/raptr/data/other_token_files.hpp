// SPDX-License-Identifier: Apache-2.0
// Files of tokens that other programs keep in forms of their own, and files of no tokens at all. nanoGPT's format has nothing to
// check, so that without this their bytes would be trained on as ids.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <raptr/data/shard_error.hpp>
#include <raptr/io/checksum.hpp>
#include <raptr/io/file.hpp>
#include <raptr/io/known_formats.hpp>

namespace raptr::detail {

/// Whether a file has the form of a chunk of litdata: the number of its items, and where each of them and the file ends.
inline bool is_litdata_chunk(std::span<const std::byte> bytes) {
  const auto number = [&](std::uint64_t at) { return std::uint64_t{little_endian(bytes.data() + at)}; };
  if (bytes.size() < 12 || number(0) == 0) return false;
  const std::uint64_t header = 4 * (number(0) + 2);
  return header <= bytes.size() && number(4) == header && number(header - 4) == bytes.size();
}

/// Throws if NAME.idx beside NAME.bin is an index of Megatron, which has the type of the ids.
inline void expect_no_megatron_index(const std::filesystem::path& file) {
  auto index = file;
  index.replace_extension(".idx");
  std::error_code ignored;
  if (index == file || !std::filesystem::is_regular_file(index, ignored)) return;
  std::array<char, 24> begins{};
  const auto got = open_file::reading(index).read(std::as_writable_bytes(std::span(begins)));
  const std::string_view bytes(begins.data(), got);
  const known_format* const format = find_known_format(bytes);
  if (format == nullptr || format->name != "a Megatron index") return;
  constexpr std::array<std::string_view, 9> types{"an unknown type", "uint8", "int8", "int16", "int32", "int64", "float64", "float32", "uint16"};
  const std::size_t at = format->mark.size() + 8;  // after the version
  const auto code = static_cast<unsigned char>(at < bytes.size() ? bytes[at] : 0);
  errors::data_of_megatron(file, index, types[code < types.size() ? code : 0]);
}

/// Throws file_error, by the name of its format, for a file that is recognised.
///
///   shortest  shorter marks decide nothing, because they may be ids
inline void expect_own_tokens(std::span<const std::byte> bytes, const std::filesystem::path& file, std::size_t shortest) {
  const std::string_view begins(reinterpret_cast<const char*>(bytes.data()), (std::min)(bytes.size(), known_format_bytes));
  if (const known_format* const other = find_known_format(begins); other != nullptr && other->mark_bytes() >= shortest)
    errors::another_format(file, *other, begins, "tokens");
  expect_no_megatron_index(file);
  if (is_litdata_chunk(bytes)) errors::chunk_of_litdata(file, little_endian(bytes.data()));
}

}  // namespace raptr::detail
