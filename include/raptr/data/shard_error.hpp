// SPDX-License-Identifier: Apache-2.0
// The errors of token shards. A damaged file is reported with file, byte, what was expected and what was found.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <raptr/io/error.hpp>
#include <raptr/tokenizers/vocabulary.hpp>

namespace raptr::errors {

[[noreturn]] inline void cut_shard_header(const std::filesystem::path& file, std::uint64_t bytes, std::uint64_t header) {
  damaged_file(file, bytes, "a header of " + std::to_string(header) + " bytes", "the end of the file");
}
/// note: about the number or the file, or empty.
[[noreturn]] inline void wrong_shard_magic(const std::filesystem::path& file, std::int64_t got, std::int64_t ids16, std::int64_t ids32,
                                           std::string_view note) {
  damaged_file(file, 0, "the magic number " + std::to_string(ids16) + " or " + std::to_string(ids32) + " of a shard of llm.c",
               std::to_string(got) + std::string(note));
}
/// type: of the ids, in NumPy's words.
[[noreturn]] inline void data_of_megatron(const std::filesystem::path& file, const std::filesystem::path& index, std::string_view type) {
  fail<file_error>(shown(file) + " is the data of a Megatron index (" + shown(index) + "), with ids of " + std::string(type) +
                   (type == "uint16" ? ": without that .idx it is a file as nanoGPT writes it" : ": write them as a shard of llm.c"));
}
[[noreturn]] inline void chunk_of_litdata(const std::filesystem::path& file, std::uint32_t items) {
  fail<file_error>(shown(file) + " is a chunk of litdata, as litgpt keeps its tokens (" + std::to_string(items) + (items == 1 ? " item" : " items") +
                   " behind a table of offsets): write its tokens as a shard of llm.c");
}
[[noreturn]] inline void wrong_shard_version(const std::filesystem::path& file, std::int64_t magic, std::int64_t expected, std::int64_t got) {
  damaged_file(file, 4, "version " + std::to_string(expected) + " for the magic number " + std::to_string(magic), "version " + std::to_string(got));
}
[[noreturn]] inline void wrong_shard_count(const std::filesystem::path& file, std::int64_t got) {
  damaged_file(file, 8, "a count of 0 to 2147483647 tokens", std::to_string(got));
}
[[noreturn]] inline void torn_token(const std::filesystem::path& file, std::uint64_t byte, int token_bytes, std::uint64_t left) {
  damaged_file(file, byte, "a whole token of " + std::to_string(token_bytes) + " bytes", std::to_string(left) + " and the end of the file");
}
[[noreturn]] inline void missing_tokens(const std::filesystem::path& file, std::uint64_t end, std::int64_t count, std::int64_t there) {
  damaged_file(file, end, "the " + std::to_string(count) + " tokens of the header", "the end of the file after " + std::to_string(there));
}
[[noreturn]] inline void bytes_after_the_tokens(const std::filesystem::path& file, std::uint64_t byte, std::int64_t count, std::uint64_t more) {
  damaged_file(file, byte, "the end of the file after the " + std::to_string(count) + " tokens of the header", std::to_string(more) + " more bytes");
}
[[noreturn]] inline void header_in_headerless_shard(const std::filesystem::path& file, std::int64_t magic) {
  damaged_file(file, 0, "tokens without a header, as nanoGPT writes them",
               "the header of a shard of llm.c, " + std::to_string(magic) + ": read it in the format llm.c");
}
/// token: its index in the file.
[[noreturn]] inline void id_beyond_vocabulary(const std::filesystem::path& file, std::uint64_t byte, std::int64_t token, std::int64_t id, int size) {
  fail<file_error>(shown(file) + ", byte " + std::to_string(byte) + ": token number " + std::to_string(token) + " is the id " + std::to_string(id) +
                   ", but the tokenizer has the ids 0 to " + std::to_string(size - 1) + ": the shard was made with another tokenizer");
}

/// token: its index in the shard being written.
[[noreturn]] inline void id_cannot_be_written(const std::filesystem::path& file, std::int64_t token, std::int64_t id, int size) {
  fail("token number " + std::to_string(token) + " for " + shown(file) + " is the id " + std::to_string(id) +
       ", but the tokenizer has the ids 0 to " + std::to_string(size - 1));
}

[[noreturn]] inline void no_shards_given() { fail("no shards were given: name files or folders with files *.bin"); }
/// example: a skipped entry, or empty.
[[noreturn]] inline void no_shards_in_folder(const std::filesystem::path& folder, const std::string& kind, std::size_t entries,
                                             std::string_view example) {
  fail<file_error>(shown(folder) + " contains no " + kind + ": none of its " + std::to_string(entries) + " entries is a file *.bin of that kind" +
                   (example.empty() ? "" : " (one of them: " + shown(example) + ")"));
}
[[noreturn]] inline void empty_shards(std::size_t files, const std::filesystem::path& first) {
  fail<file_error>("the shards contain no tokens: " + std::to_string(files) + (files == 1 ? " empty file" : " empty files") + ", the first is " +
                   shown(first));
}
[[noreturn]] inline void too_many_shards(const std::filesystem::path& folder, std::int64_t tokens, std::int64_t most) {
  fail(shown(folder) + " would get more than " + std::to_string(most) + " shards of " + std::to_string(tokens) + " tokens: use longer shards");
}
[[noreturn]] inline void wrong_shard_length(std::int64_t tokens) {
  fail("a shard of " + std::to_string(tokens) + " tokens is not valid: use 1 to 2147483647");
}
/// what: "number of shards" and the like.
[[noreturn]] inline void shards_differ_from_index(const std::filesystem::path& index, std::string_view what, const std::string& expected,
                                                  const std::string& got) {
  fail<file_error>(shown(index) + ": expected the " + std::string(what) + " " + expected + ", got " + got +
                   ": shards are missing, damaged or of another data set");
}

}  // namespace raptr::errors
