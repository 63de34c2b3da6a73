// SPDX-License-Identifier: Apache-2.0
// One line about the texts read: their contents, and everything that was skipped or is unusual.
#pragma once

#include <string>

#include <raptr/data/documents.hpp>
#include <raptr/run/number_text.hpp>

namespace program {

using namespace raptr;

inline std::string counted(std::int64_t n, const char* one, const char* many) { return count_text(n) + " " + (n == 1 ? one : many); }

/// "2 files, 2 documents, 1,234 bytes", then extra, then anything unusual.
inline std::string text_report_line(const raptr::text_report& r, const std::string& extra) {
  std::string text = counted(r.files, "file", "files") + ", " + counted(r.documents, "document", "documents") + ", " +
                     counted(r.bytes, "byte", "bytes") + ", " + extra;
  if (r.empty_files) text += ", " + counted(r.empty_files, "file without a document", "files without a document");
  if (r.byte_order_marks) text += ", " + counted(r.byte_order_marks, "byte order mark left out", "byte order marks left out");
  if (r.files_not_utf8)
    text += ", " + counted(r.files_not_utf8, "file that is not UTF-8", "files that are not UTF-8") + ", kept as it is (" +
            raptr::shown(r.first_not_utf8) + ", byte " + std::to_string(r.byte_not_utf8) + ")";
  if (!r.skipped.empty())
    text += ", " + counted(std::ssize(r.skipped), "folder entry skipped", "folder entries skipped") + " (" +
            raptr::shown(r.skipped.front().filename()) + ")";
  return text;
}

}  // namespace program
