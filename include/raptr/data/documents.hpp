// SPDX-License-Identifier: Apache-2.0
// Reads documents from files and folders. NUL bytes and text that is not UTF-8 are kept; only a byte order mark at the
// beginning of a file is removed, and counted. Skipped files are counted or listed, never dropped silently.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <raptr/base/utf8.hpp>
#include <raptr/data/document_scanner.hpp>
#include <raptr/data/error.hpp>
#include <raptr/data/listed_folder.hpp>
#include <raptr/io/file.hpp>

namespace raptr {

struct text_files {
  std::vector<std::filesystem::path> files;
  std::vector<std::filesystem::path> skipped;  // entries of folders other than *.txt files
  std::vector<std::uint64_t> bytes{};          // of each of `files` when it was found, which reading it requires; empty: not known
};

/// The text files in `from`, in its order: a file of any name; of a folder the *.txt files, sorted by the bytes of their
/// names, without subfolders. Throws file_error for a path that does not exist and for a folder without such a file,
/// input_error when `from` is empty.
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
    const auto [texts, others] = detail::list_folder(path, [](const std::string& name) { return name.ends_with(".txt"); });
    if (texts.empty()) errors::no_text_in_folder(path, others.size(), others.empty() ? "" : others.front().filename().native());
    found.files.insert(found.files.end(), texts.begin(), texts.end());
    found.skipped.insert(found.skipped.end(), others.begin(), others.end());
  }
  for (const auto& path : found.files) {
    std::error_code code;
    const auto bytes = std::filesystem::file_size(path, code);
    found.bytes.push_back(code ? 0 : bytes);  // 0: of a pipe
  }
  return found;
}

/// Calls each(document) for the documents of one text, in order.
template <std::invocable<std::string_view> Each> void split_documents(std::string_view text, documents split, Each&& each) {
  document_scanner(split).take(text, true, [&](std::string_view document, bool) { each(document); });
}

namespace detail {

/// Calls scan(scanner, file) for each of the files.
template <class Scan> text_report scan_files(const text_files& from, documents split, Scan&& scan) {
  if (from.files.empty()) errors::no_text_given();
  document_scanner scanner(split);
  for (std::size_t i = 0; i < from.files.size(); ++i) {
    const auto& path = from.files[i];
    std::error_code code;  // opening it reports one that is gone
    if (const auto now = std::filesystem::file_size(path, code); !code && i < from.bytes.size() && now < from.bytes[i])
      errors::file_became_shorter(path, from.bytes[i], now);
    scanner.begin_file(path);
    scan(scanner, path);
    scanner.end_file();
  }
  text_report report = scanner.report();
  if (report.documents == 0) errors::empty_text(report.files, from.files.front());
  report.skipped = from.skipped;
  return report;
}

}  // namespace detail

/// Reads the files one after the other and calls each(document, file) for every document; the bytes are valid during
/// the call only. Throws file_error for a file that is no text (io/known_formats.hpp) and when there is no document in any of the files.
template <std::invocable<std::string_view, const std::filesystem::path&> Each>
text_report read_documents(const text_files& from, documents split, Each&& each) {
  return detail::scan_files(from, split, [&](document_scanner& scanner, const std::filesystem::path& path) {
    scanner.take(read_file(path), true, [&](std::string_view document, bool) { each(document, path); });
  });
}

/// The same for documents of any length, in memory for one block and the longest run without a space: calls
/// each(part, ends) for the parts of every document; the last part has `ends`. The concatenated ids of the parts are those
/// of the document.
template <std::invocable<std::string_view, bool> Each>
text_report read_document_parts(const text_files& from, documents split, Each&& each, std::size_t block = std::size_t{1} << 20) {
  return detail::scan_files(from, split, [&](document_scanner& scanner, const std::filesystem::path& path) {
    auto file = open_file::reading(path);
    const std::uint64_t known = file.size();
    std::uint64_t read = 0;
    std::string window;
    for (bool whole = false; !whole;) {
      const std::size_t wanted = window.size() + (std::max)(block, known_format_bytes);
      std::size_t have = window.size();
      window.resize(wanted);
      while (have < wanted && !whole) {
        const auto got = file.read(std::as_writable_bytes(std::span(window)).subspan(have));
        have += got;
        read += got;
        whole = got == 0;
      }
      if (whole && read < known) errors::file_became_shorter(path, known, read);
      window.resize(have);
      window.erase(0, scanner.take(window, whole, each));
    }
  });
}

}  // namespace raptr
