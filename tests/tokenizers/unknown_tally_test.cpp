// SPDX-License-Identifier: Apache-2.0
// What became [UNK] is counted, with the characters that no token has.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <raptr/tokenizers/unknown_tally.hpp>
#include <raptr/tokenizers/wordpiece.hpp>

using raptr::unknown_tally;
using raptr::wordpiece_tokenizer;

namespace {

const wordpiece_tokenizer tokens({"[UNK]", "a", "##b", "the", "##s"});

unknown_tally counted(std::string_view text, const wordpiece_tokenizer& by = tokens) {
  unknown_tally all;
  std::vector<std::int32_t> with, without;
  by.encode(text, with, all);
  by.encode(text, without);
  CHECK(with == without);
  return all;
}

}  // namespace

TEST_CASE("every unknown word is counted, and its characters without a token at their place") {
  CHECK(counted("a ab the abs").words() == 0);
  const auto all = counted("xyz a xy b");
  CHECK(all.words() == 3);
  CHECK(all.most_frequent(2) == std::vector<std::string>{"x", "y"});
  CHECK(all.most_frequent(9) == std::vector<std::string>{"x", "y", "b", "z"});  // b begins no word; of equals the smallest code point
  CHECK(counted("测 测试 试").most_frequent(3) == std::vector<std::string>{"测", "试"});
  CHECK(counted("Ünter das").most_frequent(1) == std::vector<std::string>{"a"});  // "da": the place matters
}

TEST_CASE("a word that is too long counts without characters") {
  const auto all = counted("a" + std::string(100, 'b'));
  CHECK(all.words() == 1);
  CHECK(all.most_frequent(3).empty());
}

TEST_CASE("two tallies add up") {
  auto all = counted("x y y");
  all.add(counted("x x z"));
  CHECK(all.words() == 6);
  CHECK(all.most_frequent(2) == std::vector<std::string>{"x", "y"});
}
