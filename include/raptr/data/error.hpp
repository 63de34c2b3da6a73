// SPDX-License-Identifier: Apache-2.0
// The errors of texts and token sources.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <raptr/base/decimal.hpp>
#include <raptr/base/error.hpp>
#include <raptr/base/utf8.hpp>

namespace raptr::errors {

/// example: a skipped entry, or empty.
[[noreturn]] inline void no_text_in_folder(const std::filesystem::path& folder, std::size_t entries, std::string_view example) {
  fail<file_error>(shown(folder) + " contains no text: none of its " + std::to_string(entries) + " entries is a file with a name that ends in .txt" +
                   (example.empty() ? "" : " (one of them: " + shown(example) + ")"));
}
[[noreturn]] inline void no_text_given() { fail("no text was given: name a text file or a folder with files *.txt"); }
[[noreturn]] inline void empty_text(std::int64_t files, const std::filesystem::path& first) {
  fail<file_error>("the text is empty: " + std::to_string(files) + (files == 1 ? " file" : " files") + " without a document, the first is " +
                   shown(first));
}

[[noreturn]] inline void outside_tokens(std::int64_t first, std::int64_t count, std::int64_t size) {
  fail("tokens " + std::to_string(first) + " to " + std::to_string(first + count - 1) + " were requested, but there are " + std::to_string(size));
}
[[noreturn]] inline void wrong_hold_out(double fraction, std::int64_t size) {
  fail("a fraction of " + decimal_text(fraction) + " of " + std::to_string(size) +
       " tokens cannot be held out: both parts need a token; give a fraction between 0 and 1, or a validation text");
}
[[noreturn]] inline void text_is_shorter_than_the_context(std::int64_t tokens, std::int64_t needed, int context) {
  fail("the text has " + std::to_string(tokens) + " tokens (ends of documents included), but one sequence of a context of " +
       std::to_string(context) + " needs " + std::to_string(needed) + ": give more text or a smaller context");
}

}  // namespace raptr::errors
