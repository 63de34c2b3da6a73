// SPDX-License-Identifier: Apache-2.0
// Bytes that arrive in pieces, as whole UTF-8 characters: a token may end within one.
#pragma once

#include <string>
#include <string_view>

#include <raptr/base/utf8.hpp>

namespace program {

class whole_characters {
 public:
  /// The characters that are complete now. A byte that is part of none becomes U+FFFD.
  std::string add(std::string_view bytes) {
    waiting_ += bytes;
    std::string text;
    std::size_t at = 0;
    for (std::string_view rest = waiting_; at < waiting_.size() && !begins_a_character(rest.substr(at));) {
      const std::size_t length = raptr::utf8_length(rest.substr(at));
      text += length > 0 ? rest.substr(at, length) : "\xef\xbf\xbd";
      at += length > 0 ? length : 1;
    }
    waiting_.erase(0, at);
    return text;
  }
  /// The bytes of a character whose end has not arrived.
  const std::string& waiting() const { return waiting_; }

 private:
  /// Whether more bytes would make a character of these. The second byte of some is at most 8f or 9f, of others at least 90 or a0.
  static bool begins_a_character(std::string_view bytes) {
    if (bytes.size() > 3 || raptr::utf8_length(bytes) > 0) return false;
    for (const char next : {'\x80', '\x90', '\xa0'})
      if (raptr::utf8_length(std::string(bytes) + next + "\x80\x80") > bytes.size()) return true;
    return false;
  }

  std::string waiting_;
};

}  // namespace program
