// SPDX-License-Identifier: Apache-2.0
// The tokenizer and the definition of a document for the values of --tokenizer and --documents.
#pragma once

#include <string>
#include <variant>

#include <raptr/data/document_scanner.hpp>
#include <raptr/tokenizers/tokenizer_files.hpp>

namespace program {

/// name: "bytes", a file or a folder. Throws as raptr::read_tokenizer() does, and for "none", which only a run on shards allows.
inline raptr::any_tokenizer tokenizer_named(const std::string& name) {
  if (name == "none") raptr::fail("the tokenizer is none, but one is needed here: give --tokenizer FILE, DIR or bytes");
  return name == "bytes" ? raptr::any_tokenizer{} : raptr::read_tokenizer(name);
}
inline raptr::vocabulary vocabulary_of(const raptr::any_tokenizer& tokenizer) {
  return std::visit([](const auto& t) { return t.vocabulary(); }, tokenizer);
}
/// name: "file" or "blank-line".
inline raptr::documents documents_named(const std::string& name) {
  return name == "file" ? raptr::documents::whole_file : raptr::documents::blank_line;
}

}  // namespace program
