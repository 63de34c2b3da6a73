// SPDX-License-Identifier: Apache-2.0
// What a program is given by name: a tokenizer, and what a document is.
#pragma once

#include <string>
#include <variant>

#include <raptr/data/document_scanner.hpp>
#include <raptr/tokenizers/tokenizer_files.hpp>

namespace program {

/// name: "bytes", a file or a folder. Throws as raptr::read_tokenizer() does, and for "none", which a run on shards may have.
inline raptr::any_tokenizer tokenizer_named(const std::string& name) {
  if (name == "none") raptr::fail("none stands for a tokenizer that is not at hand, and one is needed here: give --tokenizer FILE, DIR or bytes");
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
