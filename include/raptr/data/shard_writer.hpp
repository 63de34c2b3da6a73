// SPDX-License-Identifier: Apache-2.0
// Writes tokens as a series of llm.c shards: NAME_000000.bin and so on, all but the last of the same length. The header of a
// shard is written when it is complete; until then it is zeros, which no reader takes for a shard.
#pragma once

#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <raptr/data/shard_format.hpp>
#include <raptr/io/file.hpp>

namespace raptr {

class shard_writer {
 public:
  /// More would not fit the six digits of a name.
  static constexpr std::int64_t most_shards = 1'000'000;

  ///   folder            must exist
  ///   name              prefix of the file names
  ///   vocabulary_size   more than 65,536 ids need shards of 32 bits
  ///   tokens_per_shard  1 to 2^31 - 1
  shard_writer(std::filesystem::path folder, std::string name, int vocabulary_size, std::int64_t tokens_per_shard)
      : folder_(std::move(folder)),
        name_(std::move(name)),
        size_(vocabulary_size),
        kind_(shard_kind_for(vocabulary_size)),
        tokens_per_shard_(tokens_per_shard) {
    if (tokens_per_shard < 1 || tokens_per_shard > most_shard_tokens) errors::wrong_shard_length(tokens_per_shard);
  }

  /// Throws input_error for an id outside the vocabulary, file_error when writing fails.
  void write(std::span<const std::int32_t> ids) {
    for (const std::int32_t id : ids) {
      if (!file_) begin_shard();
      if (id < 0 || id >= size_) errors::id_cannot_be_written(file_->path(), in_shard_, id, size_);
      for (int byte = 0; byte < kind_.id_bytes; ++byte) bytes_.push_back(static_cast<std::byte>(id >> 8 * byte & 0xff));
      if (++in_shard_ == tokens_per_shard_)
        end_shard();
      else if (bytes_.size() >= chunk_bytes)
        flush();
    }
    hash_ = crc32c(std::as_bytes(ids), hash_);
    tokens_ += std::ssize(ids);
  }
  /// Completes the last shard; durable on return, except for the entries of the folder.
  void finish() {
    if (file_) end_shard();
  }

  const shard_kind& kind() const { return kind_; }
  std::int64_t shards() const { return shards_; }
  std::int64_t tokens() const { return tokens_; }
  /// token_hash() of all tokens written.
  std::uint64_t hash() const { return std::uint64_t{hash_} << 32 | (static_cast<std::uint64_t>(tokens_) & 0xffffffffU); }

 private:
  static constexpr std::size_t chunk_bytes = std::size_t{1} << 18;

  void begin_shard() {
    if (shards_ == most_shards) errors::too_many_shards(folder_, tokens_per_shard_, most_shards);
    const std::string number = std::to_string(shards_++);
    file_ = open_file::writing(folder_ / (name_ + "_" + std::string(6 - number.size(), '0') + number + ".bin"));
    bytes_.assign(shard_header_bytes, std::byte{0});
  }
  void flush() {
    file_->write(bytes_);
    bytes_.clear();
  }
  void end_shard() {
    flush();
    file_->sync();  // the ids are on the disk before the header says so
    std::array<std::byte, 12> header{};
    const std::array<std::int64_t, 3> numbers{kind_.magic, kind_.version, in_shard_};
    for (std::size_t i = 0; i < header.size(); ++i) header[i] = static_cast<std::byte>(numbers[i / 4] >> 8 * (i % 4) & 0xff);
    const auto put = detail::again([&] { return ::pwrite(file_->descriptor(), header.data(), header.size(), 0); });
    if (put != std::ssize(header)) errors::write_refused(file_->path(), header.size(), 0, put < 0 ? errno : ENOSPC);
    file_->sync();
    file_->close();
    file_.reset();
    in_shard_ = 0;
  }

  std::filesystem::path folder_;
  std::string name_;
  int size_;
  shard_kind kind_;
  std::int64_t tokens_per_shard_, in_shard_ = 0, shards_ = 0, tokens_ = 0;
  std::optional<open_file> file_;
  std::vector<std::byte> bytes_;
  std::uint32_t hash_ = 0;
};

}  // namespace raptr
