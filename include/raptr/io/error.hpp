// SPDX-License-Identifier: Apache-2.0
// The errors of files. A damaged file is reported with file, byte, what was expected and what was found; a failed system
// call with the action and the system's message. Names go through shown(), so that a message is always one line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include <raptr/base/error.hpp>
#include <raptr/base/utf8.hpp>

namespace raptr::errors {

/// FILE, byte N: expected E, got G.
[[noreturn]] inline void damaged_file(const std::filesystem::path& file, std::uint64_t byte, const std::string& expected, const std::string& got) {
  fail<file_error>(shown(file) + ", byte " + std::to_string(byte) + ": expected " + expected + ", got " + got);
}
/// FILE, tensor T, byte N: expected E, got G. byte: offset in the file.
[[noreturn]] inline void damaged_tensor(const std::filesystem::path& file, std::string_view tensor, std::uint64_t byte, const std::string& expected,
                                        const std::string& got) {
  fail<file_error>(shown(file) + ", tensor " + shown(tensor) + ", byte " + std::to_string(byte) + ": expected " + expected + ", got " + got);
}
/// FILE: expected E, got G.
[[noreturn]] inline void unexpected(const std::filesystem::path& file, const std::string& expected, const std::string& got) {
  fail<file_error>(shown(file) + ": expected " + expected + ", got " + got);
}

/// cannot ACTION FILE: the system's message for `code`, an errno.
[[noreturn]] inline void system_refused(const std::string& action, const std::filesystem::path& file, int code) {
  fail<file_error>("cannot " + action + " " + shown(file) + ": " + std::generic_category().message(code));
}
[[noreturn]] inline void write_refused(const std::filesystem::path& file, std::uint64_t asked, std::uint64_t at, int code) {
  fail<file_error>("cannot write " + std::to_string(asked) + " bytes at byte " + std::to_string(at) + " of " + shown(file) + ": " +
                   std::generic_category().message(code));
}
[[noreturn]] inline void file_became_shorter(const std::filesystem::path& file, std::uint64_t had, std::uint64_t has) {
  fail<file_error>(shown(file) + " became shorter while it was read: it had " + std::to_string(had) + " bytes, and ends after " +
                   std::to_string(has) + ": restore it and start again");
}
[[noreturn]] inline void file_too_large(const std::filesystem::path& file, std::uint64_t bytes, std::uint64_t limit) {
  unexpected(file, "at most " + std::to_string(limit) + " bytes", "at least " + std::to_string(bytes));
}

[[noreturn]] inline void wrong_json(const std::filesystem::path& file, std::size_t line, std::size_t column, std::uint64_t byte,
                                    const std::string& sentence) {
  fail<file_error>(shown(file) + ", line " + std::to_string(line) + ", column " + std::to_string(column) + " (byte " + std::to_string(byte) +
                   "): " + sentence);
}
[[noreturn]] inline void wrong_member(const std::filesystem::path& file, std::string_view member, const std::string& expected,
                                      const std::string& got) {
  fail<file_error>(shown(file) + ", \"" + shown(member) + "\": expected " + expected + ", got " + got);
}

/// A tensor passed to a reader or writer of safetensors is not the one that the file has at this position.
[[noreturn]] inline void wrong_tensor(const std::filesystem::path& file, std::string_view tensor, const std::string& expected,
                                      const std::string& got) {
  fail<file_error>(shown(file) + ", tensor " + shown(tensor) + ": expected " + expected + ", got " + got);
}
[[noreturn]] inline void no_such_tensor(const std::filesystem::path& file, std::string_view tensor, std::size_t others) {
  fail<file_error>(shown(file) + " has no tensor " + shown(tensor) + " among its " + std::to_string(others));
}

[[noreturn]] inline void unfinished_folder(const std::filesystem::path& folder) {
  fail<file_error>(shown(folder) + " has no manifest.json: it is incomplete or not a checkpoint");
}
[[noreturn]] inline void damaged_block(const std::filesystem::path& file, std::uint64_t first, std::uint64_t last, const std::string& expected,
                                       const std::string& got, const std::string& where) {
  fail<file_error>(shown(file) + ", bytes " + std::to_string(first) + " to " + std::to_string(last) + ": expected CRC-32C " + expected + ", got " +
                   got + where);
}
[[noreturn]] inline void wrong_file_name(const std::filesystem::path& folder, std::string_view name) {
  fail<file_error>(
      shown(folder) + ": \"" + shown(name) +
      "\" is not a valid file name in a checkpoint: names are unique UTF-8 without '/', do not begin with '.' and are not manifest.json");
}
[[noreturn]] inline void folder_in_use(const std::filesystem::path& folder) {
  fail<file_error>(shown(folder) + " is already being written by another process");
}

}  // namespace raptr::errors
