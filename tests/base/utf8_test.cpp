// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <raptr/base/utf8.hpp>

TEST_CASE("UTF-8 sequences are told from bytes that are none") {
  using raptr::utf8_length;
  CHECK(utf8_length("a") == 1);
  CHECK(utf8_length("\xc3\xbc") == 2);
  CHECK(utf8_length("\xe6\xbc\xa2") == 3);
  CHECK(utf8_length("\xf0\x9f\x98\x80") == 4);
  CHECK(utf8_length("") == 0);
  CHECK(utf8_length("\x80") == 0);
  CHECK(utf8_length("\xc0\x80") == 0);          // overlong
  CHECK(utf8_length("\xe0\x80\x80") == 0);      // overlong
  CHECK(utf8_length("\xf0\x80\x80\x80") == 0);  // overlong
  CHECK(utf8_length("\xed\xa0\x80") == 0);      // surrogate
  CHECK(utf8_length("\xf4\x90\x80\x80") == 0);  // above U+10FFFF
  CHECK(utf8_length("\xe6\xbc") == 0);          // cut
  CHECK(utf8_length("\xff") == 0);
  static_assert(raptr::is_utf8("\xc3\xbc"));
}

TEST_CASE("the first byte that is not UTF-8 is found") {
  CHECK(raptr::first_not_utf8("ab\xff"
                              "c") == 2);
  CHECK(raptr::first_not_utf8("abc") == 3);
}

TEST_CASE("a name in a message is one printable line whatever its bytes") {
  CHECK(raptr::shown(std::string_view("a\nb\x1b[0m\xff\x7f")) == "a\\x0ab\\x1b[0m\\xff\\x7f");
  CHECK(raptr::shown(std::string_view("\xc3\xbc \xe6\xbc\xa2")) == "\xc3\xbc \xe6\xbc\xa2");
  CHECK(raptr::shown(std::string_view("\xc2\x9b")) == "\\xc2\\x9b");  // a control sequence of one character
  CHECK(raptr::shown(std::string(5000, 'x')).size() == 403);
  CHECK(raptr::shown(std::filesystem::path("a\tb")) == "a\\x09b");
}
