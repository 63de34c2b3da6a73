// SPDX-License-Identifier: Apache-2.0
// From files and folders to documents. Bytes stay bytes: NUL bytes and text that is not UTF-8 are kept; only a byte order
// mark at the begin of a file goes, and is counted. What is passed over is counted or named, never dropped in silence.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <raptr/io/checksum.hpp>
#include <raptr/io/file.hpp>
#include <raptr/io/utf8.hpp>
#include <raptr/text/error.hpp>

namespace raptr {

/// whole_file: a file is a document. blank_line: a run of lines that are not blank is one, with its line ends; blank
/// lines ("\n" or "\r\n" alone) belong to none.
enum class documents { whole_file, blank_line };

struct text_files {
  std::vector<std::filesystem::path> files;
  std::vector<std::filesystem::path> skipped;  // what folders hold beside *.txt files
};

/// What was read. `hash`: CRC-32C of all documents' bytes, above the CRC-32C of their lengths as little-endian 64-bit
/// numbers; it tells another text, or another order or split, from the same one.
struct text_report {
  std::int64_t files = 0, empty_files = 0, byte_order_marks = 0, documents = 0, bytes = 0;
  std::vector<std::filesystem::path> skipped;
  std::int64_t files_not_utf8 = 0;
  std::filesystem::path first_not_utf8;  // of these files
  std::uint64_t byte_not_utf8 = 0;       // the first one in that file, counted from its begin
  std::uint64_t hash = 0;
};

/// The text files that `from` names, in its order: a file whatever its name; of a folder the files *.txt, ordered by
/// the bytes of their names, not those of folders in it. Throws file_error for what does not exist and for a folder
/// without such a file, input_error when `from` is empty.
inline text_files find_texts(const std::vector<std::filesystem::path>& from) {
  if (from.empty()) errors::no_text_given();
  text_files found;
  for (const auto& path : from) {
    std::error_code code;
    if (!std::filesystem::is_directory(path, code)) {
      if (code) errors::system_refused("read the text", path, code.value());
      found.files.push_back(path);
      continue;
    }
    std::vector<std::filesystem::path> texts, others;
    for (std::filesystem::directory_iterator at(path, code), end; !code && at != end; at.increment(code)) {
      const auto& name = at->path().native();
      std::error_code ignored;
      (name.ends_with(".txt") && !at->is_directory(ignored) ? texts : others).push_back(at->path());
    }
    if (code) errors::system_refused("list the folder", path, code.value());
    const auto by_bytes = [](const auto& a, const auto& b) { return a.native() < b.native(); };
    std::ranges::sort(texts, by_bytes);
    std::ranges::sort(others, by_bytes);
    if (texts.empty()) errors::no_text_in_folder(path, others.size(), others.empty() ? "" : others.front().filename().native());
    found.files.insert(found.files.end(), texts.begin(), texts.end());
    found.skipped.insert(found.skipped.end(), others.begin(), others.end());
  }
  return found;
}

/// Calls each(document) for the documents of one text, in order.
template <std::invocable<std::string_view> Each> void split_documents(std::string_view text, documents split, Each&& each) {
  if (split == documents::whole_file) {
    if (!text.empty()) each(text);
    return;
  }
  std::size_t begin = 0, at = 0;
  const auto end_document = [&] {
    if (at > begin) each(text.substr(begin, at - begin));
  };
  while (at < text.size()) {
    const std::size_t blank = text[at] == '\n' ? 1 : text.substr(at, 2) == "\r\n" ? 2 : 0;
    if (blank > 0) {
      end_document();
      begin = at += blank;
    } else {
      const auto end = text.find('\n', at);
      at = end == text.npos ? text.size() : end + 1;
    }
  }
  end_document();
}

/// Reads the files one after the other and calls each(document, file) for every document; the bytes are valid during
/// the call only. Throws file_error for a gzip file and when there is no document in any of the files.
template <std::invocable<std::string_view, const std::filesystem::path&> Each>
text_report read_documents(const text_files& from, documents split, Each&& each) {
  text_report report;
  report.skipped = from.skipped;
  std::uint32_t content = 0, lengths = 0;
  for (const auto& path : from.files) {
    const std::string bytes = read_file(path);
    std::string_view text = bytes;
    if (text.starts_with("\x1f\x8b")) errors::gzip_text(path);
    if (text.starts_with("\xef\xbb\xbf")) {
      text.remove_prefix(3);
      ++report.byte_order_marks;
    }
    if (const auto place = first_not_utf8(bytes); place < bytes.size() && ++report.files_not_utf8 == 1)
      report.first_not_utf8 = path, report.byte_not_utf8 = place;
    ++report.files;
    const auto before = report.documents;
    split_documents(text, split, [&](std::string_view document) {
      ++report.documents;
      report.bytes += std::ssize(document);
      content = crc32c(bytes_of(document), content);
      const std::array length{std::uint64_t{document.size()}};
      lengths = crc32c(std::as_bytes(std::span(length)), lengths);
      each(document, path);
    });
    if (report.documents == before) ++report.empty_files;
  }
  if (report.documents == 0) {
    if (from.files.empty()) errors::no_text_given();
    errors::empty_text(report.files, from.files.front());
  }
  report.hash = std::uint64_t{content} << 32 | lengths;
  return report;
}

}  // namespace raptr
