// SPDX-License-Identifier: Apache-2.0
// Every byte is a token: nothing to train, nothing to load, nothing lost, whether the text is UTF-8 or not.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <raptr/tokenizers/error.hpp>
#include <raptr/tokenizers/tokenizer.hpp>

namespace raptr {

/// Ids 0 to 255 are the bytes, 256 is the end of a text, 257 the mask, 258 the padding.
class byte_tokenizer {
 public:
  static std::string name() { return "bytes"; }
  static constexpr raptr::vocabulary vocabulary() { return {.size = 259, .end_of_text = 256, .mask = 257, .pad = 258}; }

  /// Appends one id per byte.
  template <class Id> static void encode(std::string_view text, std::vector<Id>& ids) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    ids.insert(ids.end(), bytes, bytes + text.size());
  }
  /// Throws input_error for an id outside of the vocabulary.
  static std::string decode(std::span<const std::int32_t> ids) {
    std::string text;
    text.reserve(ids.size());
    for (const auto id : ids) {
      if (id < 0 || id >= vocabulary().size) errors::wrong_id(name(), id, vocabulary().size);
      if (id < 256) text += static_cast<char>(id);
    }
    return text;
  }
};
static_assert(tokenizer<byte_tokenizer>);

}  // namespace raptr
