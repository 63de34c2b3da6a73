// SPDX-License-Identifier: Apache-2.0
// Counts what a tokenizer replaced by its unknown token, and the characters for which it has no token: a vocabulary of another case,
// language or alphabet shows there. Memory is bounded by the number of different characters.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <raptr/tokenizers/detail/code_points.hpp>

namespace raptr {

class unknown_tally {
 public:
  void add_word() { ++words_; }
  void add_character(char32_t c) { ++characters_[c]; }
  void add(const unknown_tally& other) {
    words_ += other.words_;
    for (const auto& [c, times] : other.characters_) characters_[c] += times;
  }

  /// Words that became the unknown token.
  std::int64_t words() const { return words_; }
  /// As UTF-8, the most frequent first; of equally frequent ones the smallest code point.
  std::vector<std::string> most_frequent(std::size_t most) const {
    std::vector<std::pair<std::int64_t, char32_t>> ranked;
    for (const auto& [c, times] : characters_) ranked.emplace_back(-times, c);
    std::ranges::sort(ranked);
    std::vector<std::string> found;
    for (std::size_t i = 0; i < (std::min)(most, ranked.size()); ++i) append_utf8(found.emplace_back(), ranked[i].second);
    return found;
  }

 private:
  std::int64_t words_ = 0;
  std::unordered_map<char32_t, std::int64_t> characters_;
};

}  // namespace raptr
