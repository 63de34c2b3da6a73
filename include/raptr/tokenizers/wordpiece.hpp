// SPDX-License-Identifier: Apache-2.0
// The tokenizer of BERT: basic tokenisation, then in each word the longest matching token, repeatedly from the left;
// tokens inside a word begin with "##". Encoding is lossy: decode() returns words with one space between them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <raptr/io/checksum.hpp>
#include <raptr/tokenizers/detail/bert_split.hpp>
#include <raptr/tokenizers/detail/token_index.hpp>
#include <raptr/tokenizers/error.hpp>
#include <raptr/tokenizers/special_tokens.hpp>
#include <raptr/tokenizers/tokenizer.hpp>

namespace raptr {

class wordpiece_tokenizer {
 public:
  static constexpr std::string_view unknown = "[UNK]";
  /// A word of more code points becomes [UNK].
  static constexpr std::size_t longest_word = 100;

  /// tokens: in order of id. Throws input_error for two equal ones, an empty one, one that is not UTF-8, or a missing [UNK].
  explicit wordpiece_tokenizer(std::vector<std::string> tokens, bert_splitting how = {})
      : tokens_(std::move(tokens)), how_(how), ids_(tokens_.size()) {
    if (tokens_.size() > std::size_t{1} << 24) errors::too_many_tokens(std::ssize(tokens_), std::int64_t{1} << 24);
    std::uint32_t sum = 0;
    for (std::int32_t id = 0; id < size(); ++id) {
      if (token(id).empty() || !is_utf8(token(id))) errors::wrong_word(id, token(id));
      if (const auto other = ids_.insert(id, tokens_); other >= 0) errors::equal_tokens(other, id, token(id));
      longest_ = std::max(longest_, token(id).size());
      sum = crc32c(std::as_bytes(std::span(token(id).c_str(), token(id).size() + 1)), sum);
    }
    unknown_ = ids_.find(unknown, tokens_);
    if (unknown_ < 0) errors::no_unknown_token(size());
    for (const std::string_view special : {"[PAD]", "[CLS]", "[SEP]", "[MASK]"})
      if (const auto id = ids_.find(special, tokens_); id >= 0) specials_.push_back(id);
    std::ranges::sort(specials_);
    vocabulary_ =
        special_names(size(), [&](std::string_view wanted) { return wanted.starts_with('[') ? ids_.find(wanted, tokens_) : std::int32_t{-1}; });
    name_ = "wordpiece-" + std::to_string(size()) + "-" + crc_text(sum) + (how_.lower_case ? "-lower" : "") + (how_.strip_accents ? "-strip" : "") +
            (how_.split_ideographs ? "" : "-joined");
  }

  /// Identifies the tokenizer: size, CRC-32C of the tokens, and the splitting options.
  const std::string& name() const { return name_; }
  raptr::vocabulary vocabulary() const { return vocabulary_; }

  /// Appends the ids of a text, without [CLS] and [SEP]. A word that tokens cannot form becomes [UNK].
  template <class Id> void encode(std::string_view text, std::vector<Id>& ids) const {
    std::string part;
    split_bert(text, how_, [&](std::string_view word) { encode_word(word, part, ids); });
  }
  /// Words with a space between them; special ids decode to nothing. Throws input_error for an id outside of the vocabulary.
  std::string decode(std::span<const std::int32_t> ids) const {
    std::string text;
    for (const auto id : ids) {
      if (id < 0 || id >= size()) errors::wrong_id(name(), id, size());
      if (is_special(id)) continue;
      std::string_view word = token(id);
      if (word.starts_with("##") && !text.empty())
        word.remove_prefix(2);
      else if (!text.empty())
        text += ' ';
      text += word;
    }
    return text;
  }

  int size() const { return static_cast<int>(tokens_.size()); }
  const std::string& token(std::int32_t id) const { return tokens_[static_cast<std::size_t>(id)]; }
  const std::vector<std::string>& tokens() const { return tokens_; }
  const bert_splitting& splitting() const { return how_; }
  /// The ids of [PAD], [CLS], [SEP] and [MASK] where present, ascending. No text produces them.
  const std::vector<std::int32_t>& specials() const { return specials_; }
  bool is_special(std::int32_t id) const { return std::ranges::binary_search(specials_, id); }
  /// For every id, whether its token goes on with the word before it: "##able".
  std::vector<bool> inside_word() const {
    std::vector<bool> inside;
    for (const std::string& word : tokens_) inside.push_back(word.starts_with("##"));
    return inside;
  }

 private:
  template <class Id> void encode_word(std::string_view word, std::string& part, std::vector<Id>& ids) const {
    const auto letters = std::ranges::count_if(word, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
    const auto before = ids.size();
    bool known = static_cast<std::size_t>(letters) <= longest_word;
    for (std::size_t done = 0; known && done < word.size();) {
      part.assign(done == 0 ? "" : "##").append(word.substr(done));
      const std::size_t mark = done == 0 ? 0 : 2;
      known = false;
      for (auto length = std::min(longest_, part.size()); length > mark && !known; --length)
        if (const auto id = ids_.find(std::string_view(part).substr(0, length), tokens_); id >= 0) {
          ids.push_back(static_cast<Id>(id));
          done += length - mark;
          known = true;
        }
    }
    if (known) return;
    ids.resize(before);
    ids.push_back(static_cast<Id>(unknown_));
  }

  std::vector<std::string> tokens_;
  bert_splitting how_;
  detail::token_index ids_;
  std::size_t longest_ = 0;
  std::int32_t unknown_ = -1;
  std::vector<std::int32_t> specials_;
  raptr::vocabulary vocabulary_;
  std::string name_;
};
static_assert(tokenizer<wordpiece_tokenizer>);

}  // namespace raptr
