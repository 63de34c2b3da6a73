// SPDX-License-Identifier: Apache-2.0
// Texts and their tokenizer: the values of --tokenizer and --documents, and a line about what was read, skipped or is unusual.
#pragma once

#include <algorithm>
#include <string>
#include <variant>

#include <raptr/base/number_text.hpp>
#include <raptr/data/documents.hpp>
#include <raptr/run/run_id.hpp>
#include <raptr/tokenizers/tokenizer_writer.hpp>
#include <raptr/tokenizers/unknown_tally.hpp>

#include "process.hpp"

namespace program {

using namespace raptr;

/// name: "bytes", a file or a folder. Throws as raptr::read_tokenizer() does, and for "none", which only a run on shards allows.
inline raptr::any_tokenizer tokenizer_named(const std::string& given) {
  const std::string name = at_home(given);
  if (name == "none") raptr::fail("the tokenizer is none, but one is needed here: give --tokenizer FILE, DIR or bytes");
  return name == "bytes" ? raptr::any_tokenizer{} : raptr::read_tokenizer(name);
}
/// Identifies the tokenizer by its contents.
inline std::string name_of(const raptr::any_tokenizer& tokenizer) {
  return std::visit([](const auto& t) { return std::string(t.name()); }, tokenizer);
}
inline raptr::vocabulary vocabulary_of(const raptr::any_tokenizer& tokenizer) {
  return std::visit([](const auto& t) { return t.vocabulary(); }, tokenizer);
}
/// For the hashes of a run: the tokenizer, by its contents. name: empty if it is not known.
inline std::string tokenizer_text(const std::string& name, const raptr::vocabulary& ids) {
  return (name.empty() ? "unknown" : name) + ", " + raptr::vocabulary_text(ids);
}
inline std::string tokenizer_text(const raptr::any_tokenizer& tokenizer) { return tokenizer_text(name_of(tokenizer), vocabulary_of(tokenizer)); }

/// name: "file" or "blank-line".
inline raptr::documents documents_named(const std::string& name) {
  return name == "file" ? raptr::documents::whole_file : raptr::documents::blank_line;
}

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

/// Of more tokens than one in a thousand a person would want to know that they are [UNK].
inline constexpr double noted_share_of_unknown = 0.001;

/// What is unusual about documents as tokens; empty if nothing is. For the end of the line about a text.
inline std::string tokens_report(const raptr::vocabulary& ids, std::int64_t documents, std::int64_t tokens, const raptr::unknown_tally& unknown) {
  std::string text;
  if (const double share = double(unknown.words()) / double((std::max)(tokens, std::int64_t{1})); share >= noted_share_of_unknown) {
    text += ", " + raptr::percent_text(share, 1) + " of the tokens are [UNK]";
    std::string list;
    for (const auto& character : unknown.most_frequent(8)) list += (list.empty() ? "" : ", ") + raptr::shown(character);
    if (!list.empty()) text += " (the vocabulary lacks, most often, " + list + ")";
  }
  if (ids.end_of_text < 0 && documents > 1) text += ", nothing separates the documents: the tokenizer has no end of text";
  return text;
}

}  // namespace program
