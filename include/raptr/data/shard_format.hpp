// SPDX-License-Identifier: Apache-2.0
// Files of token ids as llm.c and nanoGPT write them. llm.c's have a header of 256 32-bit numbers (magic number, version,
// number of ids, unused zeros) and come with 16-bit or with 32-bit ids; nanoGPT's are 16-bit ids without a header, so that any
// file of even size would pass: that format must be requested. All numbers are little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include <raptr/data/other_token_files.hpp>
#include <raptr/data/shard_error.hpp>
#include <raptr/io/checksum.hpp>

namespace raptr {

enum class shard_format { llm_c, nanogpt };

/// A variant of llm.c's shards.
struct shard_kind {
  std::int32_t magic, version;
  int id_bytes;
};
inline constexpr shard_kind shards_of_16_bits{20240520, 1, 2};  ///< llm.c's for GPT-2
inline constexpr shard_kind shards_of_32_bits{20240801, 7, 4};  ///< llm.c's for Llama 3

inline constexpr std::size_t shard_header_bytes = 1024;
inline constexpr std::int64_t most_shard_tokens = 2'147'483'647;

/// The variant with room for all ids of a vocabulary.
constexpr shard_kind shard_kind_for(int vocabulary_size) { return vocabulary_size <= 65'536 ? shards_of_16_bits : shards_of_32_bits; }

/// Position, number and width of the ids in a file.
struct shard_layout {
  std::size_t first_byte = 0;
  std::int64_t tokens = 0;
  int id_bytes = 2;
};

namespace detail {

inline std::int32_t header_number(std::span<const std::byte> bytes, std::size_t number) {
  return static_cast<std::int32_t>(little_endian(bytes.data() + 4 * number));
}
constexpr std::int32_t reversed(std::int32_t number) {
  const auto n = static_cast<std::uint32_t>(number);
  return static_cast<std::int32_t>(n >> 24 | (n >> 8 & 0xff00U) | (n << 8 & 0xff0000U) | n << 24);
}
/// nullptr if the number is not a magic number.
constexpr const shard_kind* kind_of_magic(std::int32_t magic) {
  for (const shard_kind* const kind : {&shards_of_16_bits, &shards_of_32_bits})
    if (kind->magic == magic) return kind;
  return nullptr;
}
inline shard_layout layout_of_llm_c(std::span<const std::byte> bytes, const std::filesystem::path& file) {
  const std::uint64_t size = bytes.size();
  const auto magic = size < 4 ? 0 : header_number(bytes, 0);
  const shard_kind* const kind = kind_of_magic(magic);
  if (kind == nullptr) expect_own_tokens(bytes, file, 0);
  if (size < 4) errors::cut_shard_header(file, size, shard_header_bytes);
  if (kind == nullptr)
    errors::wrong_shard_magic(file, magic, shards_of_16_bits.magic, shards_of_32_bits.magic,
                              kind_of_magic(reversed(magic)) ? ", which is one of them in reverse byte order"
                              : size % 2 == 0 ? ": if it has no header, as nanoGPT writes them, read it in the format nanogpt (raptr-pretrain: "
                                                "--shard-format nanogpt)"
                                              : "");
  if (size < shard_header_bytes) errors::cut_shard_header(file, size, shard_header_bytes);
  if (const auto version = header_number(bytes, 1); version != kind->version) errors::wrong_shard_version(file, magic, kind->version, version);
  const std::int64_t tokens = header_number(bytes, 2);
  if (tokens < 0) errors::wrong_shard_count(file, tokens);
  const auto width = static_cast<std::uint64_t>(kind->id_bytes), payload = size - shard_header_bytes, there = payload / width;
  if (payload % width != 0) errors::torn_token(file, size - payload % width, kind->id_bytes, payload % width);
  if (there < static_cast<std::uint64_t>(tokens)) errors::missing_tokens(file, size, tokens, static_cast<std::int64_t>(there));
  const auto end = shard_header_bytes + static_cast<std::uint64_t>(tokens) * width;
  if (size > end) errors::bytes_after_the_tokens(file, end, tokens, size - end);
  return {shard_header_bytes, tokens, kind->id_bytes};
}
inline shard_layout layout_of_nanogpt(std::span<const std::byte> bytes, const std::filesystem::path& file) {
  if (bytes.size() >= 8)
    if (const auto* const kind = kind_of_magic(header_number(bytes, 0)); kind && header_number(bytes, 1) == kind->version)
      errors::header_in_headerless_shard(file, kind->magic);
  expect_own_tokens(bytes, file, 3);
  if (bytes.size() % 2 != 0) errors::torn_token(file, bytes.size() - 1, 2, 1);
  return {0, static_cast<std::int64_t>(bytes.size() / 2), 2};
}

}  // namespace detail

/// Checks the header of a shard against the size of its file, but not the ids. An empty file has no tokens.
///
///   bytes  of the whole file; only its beginning is read
///   file   named in errors; if the file is no shard, or may be any, an index beside it is looked for
inline shard_layout layout_of_shard(std::span<const std::byte> bytes, shard_format format, const std::filesystem::path& file) {
  if (bytes.empty()) return {};
  return format == shard_format::llm_c ? detail::layout_of_llm_c(bytes, file) : detail::layout_of_nanogpt(bytes, file);
}

}  // namespace raptr
