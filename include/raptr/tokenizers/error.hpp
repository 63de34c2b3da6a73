// SPDX-License-Identifier: Apache-2.0
// The errors of tokenizers and their files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <raptr/base/decimal.hpp>
#include <raptr/base/error.hpp>
#include <raptr/base/utf8.hpp>

namespace raptr::errors {

[[noreturn]] inline void wrong_id(std::string_view tokenizer, std::int64_t id, int size) {
  fail("token id " + std::to_string(id) + " is outside of the vocabulary of the tokenizer " + shown(tokenizer) + ", 0 to " +
       std::to_string(size - 1));
}
[[noreturn]] inline void too_many_tokens(std::int64_t size, std::int64_t most) {
  fail("a vocabulary of " + std::to_string(size) + " tokens is too large: at most " + std::to_string(most));
}
[[noreturn]] inline void equal_tokens(std::int64_t first, std::int64_t second, std::string_view bytes) {
  fail("the tokens " + std::to_string(first) + " and " + std::to_string(second) + " are both \"" + shown(bytes) + "\": tokens must be unique");
}
[[noreturn]] inline void byte_without_token(int byte, int size) {
  fail("none of the " + std::to_string(size) + " tokens is the single byte " + std::to_string(byte) + ": a byte-level vocabulary needs all 256");
}
/// where: a file and line, or a number.
[[noreturn]] inline void merge_outside(const std::string& where, std::int64_t left, std::int64_t right, int size) {
  fail(where + " joins the ids " + std::to_string(left) + " and " + std::to_string(right) + ": ids are 0 to " + std::to_string(size - 1));
}
[[noreturn]] inline void merge_without_token(const std::string& where, std::string_view bytes, int size) {
  fail(where + " makes \"" + shown(bytes) + "\", which is not among the " + std::to_string(size) + " tokens: vocabulary and merges do not match");
}
[[noreturn]] inline void merge_of_special(const std::string& where, std::string_view token) {
  fail(where + " uses \"" + shown(token) + "\", which is neither a byte nor made by a merge");
}
[[noreturn]] inline void merge_twice(const std::string& where, std::int64_t first, std::string_view left, std::string_view right) {
  fail(where + " joins \"" + shown(left) + "\" and \"" + shown(right) + "\", as number " + std::to_string(first) + " does: merges must be unique");
}

[[noreturn]] inline void merge_of_unknown(const std::string& where, std::string_view part, std::int64_t size) {
  fail<file_error>(where + ": \"" + shown(part) + "\" is not among the " + std::to_string(size) + " tokens of the vocabulary");
}
[[noreturn]] inline void wrong_merge_line(const std::string& where, std::string_view got) {
  fail<file_error>(where + ": expected two tokens with one space between them, got \"" + shown(got) + "\"");
}
[[noreturn]] inline void no_tokenizer_in(const std::filesystem::path& folder) {
  fail<file_error>(shown(folder) + " contains no tokenizer: neither tokenizer.json nor vocab.json (with merges.txt) nor vocab.txt");
}
[[noreturn]] inline void wrong_tokenizer(const std::filesystem::path& file, const input_error& about_numbers) {
  fail<file_error>(shown(file) + ": " + bare_sentence(about_numbers));
}
[[noreturn]] inline void link_to_nothing(const std::filesystem::path& link, const std::filesystem::path& target) {
  fail<file_error>(shown(link) + " is a link to " + shown(target) + ", which does not exist");
}
/// member: where the token is named.
[[noreturn]] inline void plain_token_as_special(const std::filesystem::path& file, std::string_view member, const std::string& expected,
                                                std::string_view token) {
  fail<file_error>(shown(file) + ", \"" + shown(member) + "\": expected " + expected + ", got \"" + shown(token) +
                   "\", which plain text could produce");
}
/// where: a file, or a file and line.
[[noreturn]] inline void word_end_in_vocabulary(const std::string& where, std::string_view token) {
  fail<file_error>(where + ": \"" + shown(token) + "\" ends a word with </w>, as in the first GPT and in CLIP: give a byte-level BPE or a WordPiece");
}
[[noreturn]] inline void empty_line(const std::filesystem::path& file, std::int64_t line) {
  fail<file_error>(shown(file) + ", line " + std::to_string(line) +
                   ": expected a token, got an empty line: write a name such as [unused0] there, which leaves the ids of the others as they are");
}
[[noreturn]] inline void line_differs(const std::filesystem::path& file, std::int64_t line, const std::string& expected,
                                      const std::filesystem::path& other, const std::string& got) {
  fail<file_error>(shown(file) + ", line " + std::to_string(line) + ": expected " + expected + ", as in " + shown(other) + ", got " + got);
}
[[noreturn]] inline void plain_role(std::string_view tokenizer, std::int64_t id, std::string_view token) {
  fail("token id " + std::to_string(id) + " of " + shown(tokenizer) + ", \"" + shown(token) + "\", cannot be special: plain text could produce it");
}
[[noreturn]] inline void tokenizer_has_other_sentinels(int there, int wanted) {
  fail("the tokenizer has " + std::to_string(there) + " sentinels, <extra_id_0> to <extra_id_" + std::to_string(there - 1) + ">, and " +
       std::to_string(wanted) + " are wanted: ask for " + std::to_string(there) + ", or for none to use its own");
}
[[noreturn]] inline void wrong_word(std::int64_t id, std::string_view token) {
  fail("token " + std::to_string(id) + (token.empty() ? " is empty" : " is not UTF-8: \"" + shown(token) + "\""));
}
[[noreturn]] inline void no_unknown_token(int size, std::string_view name) {
  fail("none of the " + std::to_string(size) + " tokens is " + shown(name) + ", which replaces words that the others cannot form");
}
[[noreturn]] inline void wrong_vocabulary_size(std::int64_t size, int least, int most) {
  fail("a vocabulary of " + std::to_string(size) + " tokens cannot be trained: use " + std::to_string(least) + " to " + std::to_string(most) +
       " (256 bytes, the end of text, and the merges)");
}
[[noreturn]] inline void too_few_pairs(std::int64_t possible, std::int64_t size) {
  fail("the text has pairs for a vocabulary of " + std::to_string(possible) + " tokens, but " + std::to_string(size) +
       " were requested: use more text or a smaller size");
}
[[noreturn]] inline void too_many_different_words(std::int64_t bytes) {
  fail("the distinct words of the text have " + std::to_string(bytes) + " bytes or more: at most 2147483647; train on a part of the text");
}
[[noreturn]] inline void piece_too_long(std::size_t bytes) {
  fail("a word of " + std::to_string(bytes) + " bytes cannot be tokenised: at most 2147483647; break the text");
}

}  // namespace raptr::errors
