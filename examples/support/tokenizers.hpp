// SPDX-License-Identifier: Apache-2.0
// The tokenizer that a program is given by name.
#pragma once

#include <string>
#include <variant>

#include <raptr/text/tokenizer_files.hpp>

namespace program {

/// name: "bytes", a file or a folder. Throws as raptr::read_tokenizer() does.
inline raptr::any_tokenizer tokenizer_named(const std::string& name) {
  return name == "bytes" ? raptr::any_tokenizer{} : raptr::read_tokenizer(name);
}
inline raptr::vocabulary vocabulary_of(const raptr::any_tokenizer& tokenizer) {
  return std::visit([](const auto& t) { return t.vocabulary(); }, tokenizer);
}

}  // namespace program
