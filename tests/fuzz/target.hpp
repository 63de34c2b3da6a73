// SPDX-License-Identifier: Apache-2.0
// What a fuzz target is: a function of bytes that must return whatever they are. It hands them to a reader, lets pass the
// exceptions that the library throws on purpose, and holds the reader to more where it accepts: what was read is sound, and
// what a writer writes of it is read as the same.
#pragma once

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <raptr/base/error.hpp>
#include <raptr/base/utf8.hpp>

namespace fuzz {

struct target {
  std::string_view name;
  void (*run)(std::string_view input);
  /// Inputs to begin with, most of them good.
  std::vector<std::string> (*seeds)();
};
extern const target json, utf8, manifest, safetensors, tensor_index, bpe, tokenizer_json, wordpiece, tokenizer_folder, documents, shards, config,
    hugging_face, schedule, mixture, metrics;
inline constexpr std::array all{&json,           &utf8,      &manifest,         &safetensors, &tensor_index, &bpe,
                                &tokenizer_json, &wordpiece, &tokenizer_folder, &documents,   &shards,       &config,
                                &hugging_face,   &schedule,  &mixture,          &metrics};

[[noreturn]] inline void broken(const std::string& what) {
  std::fprintf(stderr, "broken: %s\n", what.c_str());
  std::abort();
}
inline void need(bool holds, const std::string& what) {
  if (!holds) broken(what);
}

/// A folder of this process, in memory where there is such a file system.
const std::filesystem::path& folder();
/// Makes `name` in folder() hold these bytes. Not flushed.
std::filesystem::path put(std::string_view name, std::string_view bytes);

/// Whether `call` returns. A Kind is the one exception that it may throw, and its sentence is one line of UTF-8 that can be
/// shown; that of a file_error names a file in folder() and is short whatever the input.
template <class Kind = raptr::file_error, class Call> bool accepts(Call&& call) {
  try {
    call();
    return true;
  } catch (const Kind& error) {
    if constexpr (std::is_same_v<Kind, raptr::file_error>) {
      const std::string_view sentence = error.what();
      need(sentence.find(folder().native()) != sentence.npos, "no file in: " + std::string(sentence));
      need(sentence.size() < 4000, "long: " + std::string(sentence));
      need(raptr::is_utf8(sentence), "not UTF-8: " + std::string(sentence));
      for (const char c : sentence) need(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "cannot be shown: " + std::string(sentence));
    }
    return false;
  }
}

}  // namespace fuzz
