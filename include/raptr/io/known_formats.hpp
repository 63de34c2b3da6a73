// SPDX-License-Identifier: Apache-2.0
// Formats that are told by the first bytes of a file, so that a file given as text or as tokens by mistake is refused by the name
// of its format. No text begins with one of the marks: letters alone, as in PAR1 or BZh, decide nothing. UTF-16 and UTF-32 without a mark
// are told by where their NUL bytes are, as texts only: as ids of a shard such bytes are those of a tokenizer of bytes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include <raptr/io/error.hpp>

namespace raptr {

/// A file of this format begins with `mark`, and has `second` at byte `at`.
struct known_format {
  std::string_view name, mark;
  std::string_view fix{};  // what to do, with a command that reads the standard input; empty: there is no such command
  std::size_t at = 0;
  std::string_view second{};

  constexpr std::size_t mark_bytes() const { return (std::max)(mark.size(), at + second.size()); }
  constexpr bool begins(std::string_view bytes) const {
    return bytes.size() >= mark_bytes() && bytes.starts_with(mark) && bytes.substr(at).starts_with(second);
  }
};

namespace detail {

using namespace std::string_view_literals;
inline constexpr std::string_view from_utf16 = "convert it, as with iconv -f UTF-16 -t UTF-8",
                                  from_utf32 = "convert it, as with iconv -f UTF-32 -t UTF-8", bunzip2 = "unpack it, as with bunzip2",
                                  unzstd = "unpack it, as with unzstd";
// The longer marks before those that they begin with.
inline constexpr std::array known_formats{known_format{"a UTF-32 text", "\xff\xfe\0\0"sv, from_utf32},
                                          known_format{"a UTF-32 text", "\0\0\xfe\xff"sv, from_utf32},
                                          known_format{"a UTF-16 text", "\xff\xfe"sv, from_utf16},
                                          known_format{"a UTF-16 text", "\xfe\xff"sv, from_utf16},
                                          known_format{"a gzip file", "\x1f\x8b\x08"sv, "unpack it, as with gunzip"},
                                          known_format{"an xz file", "\xfd\x37zXZ\0"sv, "unpack it, as with unxz"},
                                          known_format{"a bzip2 file", "BZh"sv, bunzip2, 4, "1AY&SY"sv},
                                          known_format{"a bzip2 file", "BZh"sv, bunzip2, 4, "\x17rE8P\x90"sv},  // of nothing
                                          known_format{"a zstd file", "\x28\xb5\x2f\xfd"sv, unzstd},
                                          known_format{"a zstd file", "\x50\x2a\x4d\x18"sv, unzstd},  // of pzstd
                                          known_format{"an lz4 file", "\x04\x22\x4d\x18"sv, "unpack it, as with unlz4"},
                                          known_format{"a zip file", "PK\x03\x04"sv},
                                          known_format{"a zip file", "PK\x05\x06"sv},  // of nothing
                                          known_format{"a 7z file", "7z\xbc\xaf\x27\x1c"sv},
                                          known_format{"a Parquet file", "PAR1\x15"sv},  // the first byte of a page and of the footer
                                          known_format{"an Arrow file", "ARROW1\0\0"sv},
                                          known_format{"an Arrow file", "\xff\xff\xff\xff"sv, "", 6, "\0\0\x10\0\0\0"sv},  // a stream
                                          known_format{"a NumPy file", "\x93NUMPY"sv},
                                          known_format{"an HDF5 file", "\x89HDF\r\n\x1a\n"sv},
                                          known_format{"a Megatron index", "MMIDIDX\0\0"sv},
                                          known_format{"a Megatron index", "TNTIDX\0\0"sv},  // of old versions
                                          known_format{"a litgpt shard", "LITPKDS\x01\0\0\0\0\0\0\0"sv}};

}  // namespace detail

/// The number of bytes of a file that are enough to find its format.
inline constexpr std::size_t known_format_bytes = 64;
static_assert(known_format_bytes >= (std::ranges::max)(detail::known_formats, {}, &known_format::mark_bytes).mark_bytes());

/// The format of a file that begins with `bytes`; nullptr if it is none of these.
constexpr const known_format* find_known_format(std::string_view bytes) {
  const auto* const found = std::ranges::find_if(detail::known_formats, [&](const known_format& one) { return one.begins(bytes); });
  return found == detail::known_formats.end() ? nullptr : found;
}

namespace detail {

inline constexpr known_format utf16_le{"a UTF-16 text without a mark", "", "convert it, as with iconv -f UTF-16LE -t UTF-8"},
    utf16_be{"a UTF-16 text without a mark", "", "convert it, as with iconv -f UTF-16BE -t UTF-8"},
    utf32_le{"a UTF-32 text without a mark", "", "convert it, as with iconv -f UTF-32LE -t UTF-8"},
    utf32_be{"a UTF-32 text without a mark", "", "convert it, as with iconv -f UTF-32BE -t UTF-8"};

/// UTF-32, or UTF-16 of mostly Latin letters, by the NUL bytes of the first known_format_bytes; nullptr for fewer than 8 bytes and for others.
constexpr const known_format* find_wide_text(std::string_view bytes) {
  const std::size_t units = (std::min)(bytes.size(), known_format_bytes) / 4;
  std::array<std::size_t, 4> zeros{};  // by the place in a unit of four bytes
  for (std::size_t i = 0; i < 4 * units; ++i) zeros[i % 4] += bytes[i] == '\0';
  const auto [a, b, c, d] = zeros;
  if (units < 2) return nullptr;
  if (a == 0 && c == units && d == units) return &utf32_le;
  if (a == units && b == units && d == 0) return &utf32_be;
  if (a + c == 0 && 2 * (b + d) >= 3 * units) return &utf16_le;
  if (b + d == 0 && 2 * (a + c) >= 3 * units) return &utf16_be;
  return nullptr;
}

}  // namespace detail

namespace errors {
/// bytes: of its beginning.
[[noreturn]] inline void another_format(const std::filesystem::path& file, const known_format& format, std::string_view bytes,
                                        std::string_view expected) {
  std::string mark;
  for (const char c : bytes.substr(0, format.mark.empty() ? 8 : format.mark_bytes())) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    mark += {' ', digits[byte >> 4], digits[byte & 15]};
  }
  std::string word = "'";  // the name for a shell
  for (const char c : shown(file)) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  fail<file_error>(shown(file) + " is " + std::string(format.name) + " (it begins with the bytes" + mark + "), not " + std::string(expected) +
                   (format.fix.empty() ? "" : ": " + std::string(format.fix) + " <" + word + "' >NEW, and give the new file"));
}
}  // namespace errors

/// Throws file_error, by the name of the format, if the file is of one of these.
///
///   bytes  of its beginning: known_format_bytes, or all that it has
inline void expect_text(std::string_view bytes, const std::filesystem::path& file) {
  const known_format* other = find_known_format(bytes);
  if (other == nullptr) other = detail::find_wide_text(bytes);
  if (other != nullptr) errors::another_format(file, *other, bytes, "plain text");
}

}  // namespace raptr
