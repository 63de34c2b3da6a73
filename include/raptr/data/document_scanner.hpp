// SPDX-License-Identifier: Apache-2.0
// Finds the documents in the bytes of files, which are passed whole or window by window: a document larger than memory is
// returned in parts. Parts are cut only where every tokenizer here starts a new word, so the concatenated ids of the parts
// are those of the whole.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <raptr/base/utf8.hpp>
#include <raptr/data/error.hpp>
#include <raptr/io/checksum.hpp>
#include <raptr/io/file.hpp>
#include <raptr/io/known_formats.hpp>
#include <raptr/tokenizers/cut_points.hpp>

namespace raptr {

/// whole_file: a file is a document. blank_line: a run of lines that are not blank is one, with its line ends. Blank lines belong to
/// none: they are empty, or of nothing but spaces, tabs, U+00A0 and U+3000.
enum class documents { whole_file, blank_line };

/// What was read. `hash`: high word: CRC-32C of the bytes of all documents; low word: CRC-32C of their lengths as
/// little-endian 64-bit numbers. It differs for another text, order or split.
struct text_report {
  std::int64_t files = 0, empty_files = 0, byte_order_marks = 0, documents = 0, bytes = 0;
  std::vector<std::filesystem::path> skipped;
  std::int64_t files_not_utf8 = 0;
  std::filesystem::path first_not_utf8;  // of these files
  std::uint64_t byte_not_utf8 = 0;       // offset of the first one in that file
  std::uint64_t hash = 0;
};

/// Usage, for each file: begin_file(); take() with the bytes not yet taken and more, until the end; end_file(). Then report()
/// has everything but the skipped files. Without begin_file() there is no check for a byte order mark or another format.
class document_scanner {
 public:
  explicit document_scanner(documents split) : split_(split) {}

  void begin_file(const std::filesystem::path& file) {
    path_ = file;
    place_ = 0;
    before_file_ = report_.documents;
    window_ = {.started = false};
    ++report_.files;
  }
  /// Calls each(part, ends) for each part; `ends` marks the last part of a document. Returns the number of bytes taken: the
  /// next window begins after them.
  ///
  ///   window  the first one of a file has known_format_bytes or more, unless it is `whole`
  ///   whole   the window reaches the end of the file, so all of it is taken
  ///
  /// Throws file_error for a file that is no text (expect_text).
  template <std::invocable<std::string_view, bool> Each> std::size_t take(std::string_view window, bool whole, Each&& each) {
    std::size_t begin = 0;
    if (!window_.started) begin = window_.at = skip_mark(window);
    look_at_bytes(window, whole);
    const auto part = [&](std::size_t end, bool ends) {
      const auto bytes = window.substr(begin, end - begin);
      begin = end;
      if (bytes.empty() && window_.length == 0) return;  // no document
      window_.length += bytes.size();
      report_.bytes += std::ssize(bytes);
      content_ = crc32c(bytes_of(bytes), content_);
      if (ends) count_document();
      each(bytes, ends);
    };
    while (window_.at < window.size()) {
      if (split_ == documents::blank_line && !window_.in_line) {
        window_.blanks += blanks_at(window.substr(window_.at + window_.blanks));
        const auto rest = window.substr(window_.at + window_.blanks);
        if (!whole && may_end_a_blank_line(rest)) break;  // the next bytes decide
        const bool ends = rest.starts_with('\n') || rest.starts_with("\r\n") || rest.empty();
        const auto blank = std::exchange(window_.blanks, 0);
        if (ends) {
          part(window_.at, true);
          begin = window_.at += blank + (rest.empty() ? 0 : rest[0] == '\n' ? 1 : 2);
          continue;
        }
      }
      const auto end = split_ == documents::whole_file ? window.npos : window.find('\n', window_.at);
      window_.in_line = end == window.npos;
      window_.at = window_.in_line ? window.size() : end + 1;
    }
    if (whole) {
      part(window.size(), true);
    } else {
      const auto from = window_.no_cut_before > begin ? window_.no_cut_before - begin : 0;
      if (const auto cut = last_safe_cut(window.substr(begin, window_.at - begin), from)) part(begin + cut, false);
      window_.no_cut_before = window_.at;
    }
    window_.at -= begin;
    window_.checked -= begin;
    window_.no_cut_before -= (std::min)(begin, window_.no_cut_before);
    place_ += begin;
    return begin;
  }
  void end_file() {
    if (report_.documents == before_file_) ++report_.empty_files;
  }

  text_report report() const {
    text_report all = report_;
    all.hash = std::uint64_t{content_} << 32 | lengths_;
    return all;
  }

 private:
  /// The number of bytes of the blanks that a text begins with.
  static std::size_t blanks_at(std::string_view text) {
    std::size_t at = 0;
    for (std::size_t length = 1; length > 0; at += length) {
      const auto rest = text.substr(at);
      length = rest.starts_with(' ') || rest.starts_with('\t') ? 1 : rest.starts_with("\xc2\xa0") ? 2 : rest.starts_with("\xe3\x80\x80") ? 3 : 0;
    }
    return at;
  }
  /// Whether more bytes may show that the line ends after its blanks.
  static bool may_end_a_blank_line(std::string_view after_blanks) {
    return after_blanks.empty() || after_blanks == "\r" || after_blanks == "\xc2" || after_blanks == "\xe3" || after_blanks == "\xe3\x80";
  }
  std::size_t skip_mark(std::string_view window) {
    window_.started = true;
    expect_text(window, path_);
    if (!window.starts_with("\xef\xbb\xbf")) return 0;
    ++report_.byte_order_marks;
    return 3;
  }
  void look_at_bytes(std::string_view window, bool whole) {
    if (window_.not_utf8) {
      window_.checked = window.size();
      return;
    }
    window_.checked += first_not_utf8(window.substr(window_.checked));
    const auto rest = window.substr(window_.checked);
    const auto follows = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
    const bool may_go_on = !whole && rest.size() < 4 && static_cast<unsigned char>(rest.empty() ? '\0' : rest[0]) >= 0xc0 &&
                           std::ranges::all_of(rest.substr((std::min)(rest.size(), std::size_t{1})), follows);
    if (rest.empty() || may_go_on) return;
    window_.not_utf8 = true;
    if (++report_.files_not_utf8 == 1) report_.first_not_utf8 = path_, report_.byte_not_utf8 = place_ + window_.checked;
    window_.checked = window.size();
  }
  void count_document() {
    ++report_.documents;
    const std::array length{std::uint64_t{window_.length}};
    lengths_ = crc32c(std::as_bytes(std::span(length)), lengths_);
    window_.length = 0;
  }

  /// Offsets are relative to the window.
  struct window_state {
    bool started = true, in_line = false, not_utf8 = false;
    std::size_t at = 0, checked = 0, no_cut_before = 0;
    std::size_t blanks = 0;    // of the line that begins at `at`, as far as they are known
    std::uint64_t length = 0;  // of the parts of the open document
  };

  documents split_;
  std::filesystem::path path_;
  std::uint64_t place_ = 0;  // of the window in the file
  std::int64_t before_file_ = 0;
  window_state window_;
  text_report report_;
  std::uint32_t content_ = 0, lengths_ = 0;
};

}  // namespace raptr
