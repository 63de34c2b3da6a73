// SPDX-License-Identifier: Apache-2.0
// One token source over any number of memory-mapped shards. The header and size of every file are checked on opening, ids
// whenever they are read; so opening a terabyte is instant, and one pass over all, such as hash(), checks every id.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <utility>
#include <vector>

#include <raptr/data/shard_format.hpp>
#include <raptr/data/token_source.hpp>
#include <raptr/io/mapped_file.hpp>

namespace raptr {

class sharded_tokens {
 public:
  /// Maps the files and concatenates their tokens in the order given. Files without tokens are counted and skipped.
  ///
  ///   ids     of the tokenizer that made the shards, which shards do not record
  ///   format  of all the files; ids of 16 and of 32 bits may be mixed
  ///
  /// Throws file_error for a damaged file and when all are empty, input_error when `files` is empty.
  sharded_tokens(const std::vector<std::filesystem::path>& files, raptr::vocabulary ids, shard_format format = shard_format::llm_c)
      : vocabulary_(ids) {
    if (files.empty()) errors::no_shards_given();
    for (const auto& path : files) {
      mapped_file map(path);
      const auto layout = layout_of_shard(map.bytes(), format, path);
      if (layout.tokens == 0) {
        ++empty_files_;
        continue;
      }
      size_ += layout.tokens;  // 2^32 files of 2^31 tokens would still fit
      shards_.push_back({path, std::move(map), layout, size_});
    }
    if (shards_.empty()) errors::empty_shards(files.size(), files.front());
  }

  std::int64_t size() const { return size_; }
  /// Tokens first .. first + out.size() - 1, also across file boundaries; thread-safe. Throws input_error when they are out
  /// of range, and file_error with the position for an id outside the vocabulary, and for a file that has become shorter, unless the
  /// system ends the process first (mapped_file).
  void read(std::int64_t first, std::span<std::int32_t> out) const {
    if (first < 0 || first > size_ || std::ssize(out) > size_ - first) errors::outside_tokens(first, std::ssize(out), size_);
    auto shard = std::ranges::upper_bound(shards_, first, {}, &mapped_shard::end);
    while (!out.empty()) {
      const std::int64_t inside = first - (shard->end - shard->layout.tokens), left = shard->layout.tokens - inside;
      const auto part = out.first(static_cast<std::size_t>((std::min)(left, std::int64_t{std::ssize(out)})));
      read_shard(*shard, inside, part);
      out = out.subspan(part.size());
      first = shard->end;
      ++shard;
    }
  }
  raptr::vocabulary vocabulary() const { return vocabulary_; }
  /// token_hash() of all: reads, and so checks, every id on each call.
  std::uint64_t hash() const { return token_hash(*this); }

  /// Files with tokens, and without.
  std::int64_t shards() const { return std::ssize(shards_); }
  std::int64_t empty_files() const { return empty_files_; }

 private:
  struct mapped_shard {
    std::filesystem::path path;
    mapped_file map;
    shard_layout layout;
    std::int64_t end;  // index in the whole source of the first token after it
  };

  void read_shard(const mapped_shard& shard, std::int64_t first, std::span<std::int32_t> out) const {
    const auto width = static_cast<std::size_t>(shard.layout.id_bytes);
    const std::byte* const from = shard.map.bytes().data() + shard.layout.first_byte + static_cast<std::size_t>(first) * width;
    std::uint32_t largest = 0;
    const auto take = [&](std::size_t i, std::uint32_t id) {
      out[i] = static_cast<std::int32_t>(id);
      largest = (std::max)(largest, id);
    };
    if (width == 2)
      for (std::size_t i = 0; i < out.size(); ++i)
        take(i, std::to_integer<std::uint32_t>(from[2 * i]) | std::to_integer<std::uint32_t>(from[2 * i + 1]) << 8);
    else
      for (std::size_t i = 0; i < out.size(); ++i) take(i, detail::little_endian(from + 4 * i));
    // Zeros up to the end of `out` may be the rest of a page whose file was cut there: then the upper half of the last id is 0.
    if (!out.empty() && out.back() >> 4 * width == 0) shard.map.expect_whole(shard.path);
    if (largest >= static_cast<std::uint32_t>(vocabulary_.size)) refuse_id(shard, first, out);
  }
  [[noreturn]] void refuse_id(const mapped_shard& shard, std::int64_t first, std::span<const std::int32_t> ids) const {
    const auto limit = static_cast<std::uint32_t>(vocabulary_.size);
    const auto wrong = std::ranges::find_if(ids, [&](std::int32_t id) { return static_cast<std::uint32_t>(id) >= limit; });
    const auto token = first + (wrong - ids.begin());
    if (token == 0 && shard.layout.first_byte == 0) detail::expect_own_tokens(shard.map.bytes(), shard.path, 0);  // a mark that is no id here
    errors::id_beyond_vocabulary(shard.path, shard.layout.first_byte + static_cast<std::uint64_t>(token * shard.layout.id_bytes), token,
                                 static_cast<std::uint32_t>(*wrong), vocabulary_.size);
  }

  raptr::vocabulary vocabulary_;
  std::vector<mapped_shard> shards_;
  std::int64_t size_ = 0, empty_files_ = 0;
};
static_assert(token_source<sharded_tokens>);

}  // namespace raptr
